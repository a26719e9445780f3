"""Passwords and tokens: Litestar's own JWT backend, and guards that ask for a scope."""

import os
from dataclasses import dataclass
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.security.jwt import JWTAuth, Token
from litestar.types import Guard

LIFETIME = timedelta(minutes=10)
SCOPES = "items:read items:write stock:read stock:write"

passwords = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)


def verify_password(password: str, stored: str) -> bool:
    try:
        return passwords.verify(stored, password)
    except VerificationError:
        return False


@dataclass
class ScopedToken(Token):
    scope: str = ""


async def retrieve_user(token: ScopedToken, connection: ASGIConnection) -> str:
    """The name that the token holds: the database is not asked."""
    return token.sub


jwt_auth = JWTAuth[str, ScopedToken](
    retrieve_user_handler=retrieve_user,
    token_secret=os.environ["JWT_KEY"],
    token_cls=ScopedToken,
    default_token_expiration=LIFETIME,
    exclude=["^/login$", "^/health/", "^/schema"],
)


def create_token(username: str) -> str:
    return jwt_auth.create_token(username, scope=SCOPES)


def needs(scope: str) -> Guard:
    """A guard that refuses tokens without this scope. A coroutine: others run in threads."""

    async def guard(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
        if scope not in connection.auth.scope.split():
            raise PermissionDeniedException("Not enough permissions")

    return guard
