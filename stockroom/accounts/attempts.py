"""Limit on guessed passwords: too many failures block a name, existing or not (contract: POST /login)."""

import math
from datetime import datetime, timedelta

from stockroom.accounts import queries
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.errors import TooManyAttempts

LIMIT = 10
REST = timedelta(minutes=15)
"""How long a name is blocked. A failure that comes later than this after the last one starts a new count."""


def refuse_resting(reader: Connection, username: str, now: datetime) -> None:
    """Raise TooManyAttempts while the name is blocked; the password is not verified then."""
    failed = queries.failures(reader, username)
    if failed is None:
        return
    failures, last_at = failed
    if failures >= LIMIT and now < last_at + REST:
        raise _resting(last_at + REST - now)


def count_failure(work: Work, username: str) -> None:
    """Count one more failure; the caller then raises an error that is `recorded`.

    Raises TooManyAttempts, which is not recorded, if other requests reached the limit while this password was
    verified: concurrent guesses get no more answers than sequential ones.
    """
    failures = queries.count_failure(work.connection, username, now=work.now, since=work.now - REST)
    if failures > LIMIT:
        raise _resting(REST)


def accept(work: Work, username: str) -> None:
    """Clear the failures after a correct password. Raises TooManyAttempts if others reached the limit."""
    refuse_resting(work.connection, username, work.now)
    queries.clear_failures(work.connection, username)


def _resting(left: timedelta) -> TooManyAttempts:
    seconds = max(1, math.ceil(left.total_seconds()))
    return TooManyAttempts("There were too many failures with this name.", retry_after=seconds)
