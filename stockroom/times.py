"""Times as text."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the sum is in UTC, and says so itself
_MILLISECOND = timedelta(milliseconds=1)


def instant(text: str) -> datetime:
    """The time that `text` (RFC 3339) names, in UTC.

    Raises ValueError or OverflowError if the calendar has no such time.
    """
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def moment(text: str) -> datetime:
    """The same, cut to milliseconds, as storage and wire hold times."""
    found = instant(text)
    # Cut, not rounded: rounding up could leave the year 9999.
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


# Cached: consecutive records often have the same times, most of all those of one import.
@lru_cache(maxsize=16)
def written(milliseconds: int) -> str:
    """Write a time, in milliseconds since the epoch, in the form of the contract (Time)."""
    return f"{(_EPOCH + milliseconds * _MILLISECOND).isoformat(timespec='milliseconds')}Z"
