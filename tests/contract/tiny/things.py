"""Handlers that say what reached them. Connexion calls them as they stand, and so does the runtime."""

from typing import Any


def me(*, user: str) -> dict[str, Any]:
    return {"user": user}


def list_things(
    limit: int | None = None, since: Any = None, deep: bool | None = None, id: str | None = None
) -> dict[str, Any]:
    return {"limit": limit, "since": since, "deep": deep, "id": id}


def create(body: dict[str, Any]) -> dict[str, Any]:
    return {"body": repr(body)}


def search(*, user: str | None = None) -> dict[str, Any]:
    return {"secret": "for callers only", "user": user}


def read(name: str) -> dict[str, Any]:
    return {"name": name}


def broken() -> dict[str, Any]:
    raise RuntimeError("the password is sesame")
