"""Tokens that are the caller's name."""

from typing import Any


def info(token: str) -> dict[str, Any] | None:
    """What Connexion wants to know of a token."""
    return {"sub": token, "scope": ""} if token.isalnum() else None
