"""Passwords and tokens; the contract names `decode_token`."""

import os
from datetime import UTC, datetime, timedelta

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

KEY = os.environ["JWT_KEY"]
LIFETIME = timedelta(minutes=10)
SCOPES = "items:read items:write stock:read stock:write"

passwords = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


def verify_password(password: str, stored: str) -> bool:
    try:
        return passwords.verify(stored, password)
    except VerificationError:
        return False


def create_token(username: str) -> str:
    claims = {"sub": username, "scope": SCOPES, "exp": datetime.now(UTC) + LIFETIME}
    return jwt.encode(claims, KEY, algorithm="HS256")


def decode_token(token: str) -> dict[str, object] | None:
    """The token's claims; None, which Connexion answers with 401, if it is not good."""
    try:
        return jwt.decode(token, KEY, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        return None
