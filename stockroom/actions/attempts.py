"""Guessing passwords: after too many failures a name rests, existing or not (contract: POST /login)."""

import math
from datetime import datetime, timedelta

from stockroom.domain.errors import TooManyAttempts
from stockroom.storage import accounts
from stockroom.storage.connections import Connection
from stockroom.storage.engines import Work

LIMIT = 10
REST = timedelta(minutes=15)
"""How long a name rests, and how far apart two failures are when the second begins a new count."""


def refuse_resting(reader: Connection, username: str, now: datetime) -> None:
    """Raise TooManyAttempts while the name rests; its password is not even looked at then."""
    failed = accounts.failures(reader, username)
    if failed is None:
        return
    failures, last_at = failed
    if failures >= LIMIT and now < last_at + REST:
        raise _resting(last_at + REST - now)


def count_failure(work: Work, username: str) -> None:
    """Count one failure more; the caller refuses with an error that is recorded.

    Raises TooManyAttempts, which is not recorded, when others filled the count while this password was
    checked: of many guesses at once no more are answered than of guesses one by one.
    """
    failures = accounts.count_failure(work.connection, username, now=work.now, since=work.now - REST)
    if failures > LIMIT:
        raise _resting(REST)


def accept(work: Work, username: str) -> None:
    """The password was right: forget the failures, or raise TooManyAttempts if others filled the count."""
    refuse_resting(work.connection, username, work.now)
    accounts.clear_failures(work.connection, username)


def _resting(left: timedelta) -> TooManyAttempts:
    seconds = max(1, math.ceil(left.total_seconds()))
    return TooManyAttempts("There were too many failures with this name.", retry_after=seconds)
