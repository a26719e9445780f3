"""Accounts: what each role may do, and the values that login and authorization exchange."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from stockroom.frozen import frozen

Role = Literal["viewer", "clerk", "manager", "admin"]

USERNAME = re.compile(r"[a-z][a-z0-9_.-]{2,39}")
LONGEST_EMAIL = 254

_VIEWER = frozenset({"items:read", "stock:read", "tasks:read", "me:read", "me:write"})
_CLERK = _VIEWER | {"stock:write", "tasks:write"}
_MANAGER = _CLERK | {"items:write", "webhooks:manage"}
_ADMIN = _MANAGER | {"users:manage"}

ROLE_SCOPES: Mapping[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "clerk": _CLERK,
    "manager": _MANAGER,
    "admin": _ADMIN,
}
SCOPES = _ADMIN


@frozen
class Account:
    username: str
    email: str
    role: Role
    disabled: bool
    created_at: datetime

    @property
    def is_acting_admin(self) -> bool:
        return self.role == "admin" and not self.disabled


@frozen
class Credentials:
    """An account, with the hash that its password is verified against."""

    account: Account
    password_hash: str


@frozen
class Principal:
    """The caller: `subject` is a user name, `session` the login that the token came from."""

    subject: str
    scopes: frozenset[str]
    session: str


@frozen
class TokenPair:
    """What login and refresh return (RFC 6749 section 5.1). `expires_in` is in seconds.

    `failed_logins` is how many passwords were wrong since the last login, before this one.
    """

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    scope: str
    failed_logins: int


def narrow(scopes: frozenset[str], requested: str | None) -> frozenset[str]:
    """Those of `scopes` that are requested, space separated. None requests all, an empty text none."""
    return scopes if requested is None else scopes & frozenset(requested.split())


def scope_text(scopes: frozenset[str]) -> str:
    """Scopes as RFC 6749 section 3.3 writes them."""
    return " ".join(sorted(scopes))
