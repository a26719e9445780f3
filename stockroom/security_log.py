"""The log of security events: what happened, to whose account, from where (docs/security.md)."""

from collections.abc import Callable
from typing import Literal

import structlog

Event = Literal[
    "account.disabled",
    "account.email_changed",
    "account.enabled",
    "account.registered",
    "account.role_changed",
    "login.failed",
    "login.limited",
    "login.succeeded",
    "password.changed",
    "password.failed",
    "password.limited",
    "quota.exceeded",
    "registration.refused",
    "scope.refused",
    "session.ended",
    "session.refused",
    "session.renewed",
    "session.reused",
    "token.refused",
]

WARNINGS: frozenset[Event] = frozenset(
    {"login.failed", "login.limited", "password.failed", "password.limited", "session.reused"}
)

# Whoever brings these about has shown to be the user.
_IDENTIFYING: frozenset[Event] = frozenset({"account.registered", "login.succeeded", "session.renewed"})

_log = structlog.get_logger(__name__)


class SecurityLog:
    """Writes the security events of one request."""

    def __init__(self, client: str, identified: Callable[[str], None]) -> None:
        """`client` is the address that the request came from; `identified` is told who has sent it."""
        self._client = client
        self._identified = identified

    def note(self, event: Event, user: str | None, **details: str | int | None) -> None:
        """Write an event about the account `user`; None where there is none of that name.

        What was typed in as a name and is none may be a password, and so may anything else that a client
        sends: `details` are words of ours, ids and numbers.
        """
        if user and event in _IDENTIFYING:
            self._identified(user)
        write = _log.warning if event in WARNINGS else _log.info
        write(event, logger="security", user=user, client=self._client, **details)
