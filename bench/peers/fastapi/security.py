"""Passwords and tokens, as FastAPI's tutorial does them: OAuth2 scopes in a JWT."""

import os
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from fastapi import Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

KEY = os.environ["JWT_KEY"]
LIFETIME = timedelta(minutes=10)
SCOPES = "items:read items:write stock:read stock:write"

passwords = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
oauth2 = OAuth2PasswordBearer(
    tokenUrl="login", scopes=dict.fromkeys(SCOPES.split(), "See the documentation.")
)


def verify_password(password: str, stored: str) -> bool:
    try:
        return passwords.verify(stored, password)
    except VerificationError:
        return False


def create_token(username: str) -> str:
    claims = {"sub": username, "scope": SCOPES, "exp": datetime.now(UTC) + LIFETIME}
    return jwt.encode(claims, KEY, algorithm="HS256")


async def current_user(needed: SecurityScopes, token: Annotated[str, Depends(oauth2)]) -> str:
    """The user whom the token names, if it is good and allows this."""
    try:
        claims = jwt.decode(token, KEY, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.InvalidTokenError:
        raise HTTPException(
            401, "Could not validate credentials", headers={"WWW-Authenticate": "Bearer"}
        ) from None
    granted = claims.get("scope", "").split()
    if any(scope not in granted for scope in needed.scopes):
        raise HTTPException(403, "Not enough permissions")
    username: str = claims["sub"]
    return username
