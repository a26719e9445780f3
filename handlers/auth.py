"""Accounts and sessions: register, log in, refresh, log out."""

from typing import Any, Protocol

from stockroom.accounts import actions as accounts
from stockroom.accounts import logins, sessions
from stockroom.accounts.attempts import Attempts
from stockroom.accounts.model import Account, Principal, Role, TokenPair
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.db.unit_of_work import Work
from stockroom.security_log import SecurityLog

# RFC 6749, section 5.1.
_NO_STORE = {"Cache-Control": "no-store"}


class RegistrationSettings(Protocol):
    """The settings that registration depends on."""

    @property
    def registration(self) -> str: ...
    @property
    def default_role(self) -> Role: ...
    @property
    def embedded(self) -> bool: ...


def register(
    body: dict[str, Any],
    *,
    work: Work,
    network: str,
    passwords: Passwords,
    settings: RegistrationSettings,
    log: SecurityLog,
) -> tuple[Account, dict[str, str]]:
    account = accounts.register(
        work,
        username=body["username"],
        email=body["email"],
        password=body["password"],
        network=network,
        passwords=passwords,
        is_open=settings.registration == "open",
        default_role=settings.default_role,
        first_is_admin=settings.embedded,
        log=log,
    )
    return account, {"Location": "/me"}


def login(
    body: dict[str, Any],
    *,
    work: Work,
    network: str,
    attempts: Attempts,
    passwords: Passwords,
    tokens: Tokens,
    log: SecurityLog,
) -> tuple[TokenPair, dict[str, str]]:
    pair = logins.login(
        work,
        username=body["username"],
        password=body["password"],
        scope=body.get("scope"),
        network=network,
        attempts=attempts,
        passwords=passwords,
        tokens=tokens,
        log=log,
    )
    return pair, _NO_STORE


def refresh(
    body: dict[str, Any],
    *,
    work: Work,
    network: str,
    tokens: Tokens,
    revocations: Revocations,
    log: SecurityLog,
) -> tuple[TokenPair, dict[str, str]]:
    pair = sessions.refresh(
        work,
        refresh_token=body["refresh_token"],
        network=network,
        tokens=tokens,
        revocations=revocations,
        log=log,
    )
    return pair, _NO_STORE


def logout(*, work: Work, principal: Principal, revocations: Revocations, log: SecurityLog) -> None:
    sessions.logout(work, principal, revocations, log)
