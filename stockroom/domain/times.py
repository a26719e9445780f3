"""Moments as people write them."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the sum is in UTC, and says so itself
_MILLISECOND = timedelta(milliseconds=1)


def instant(text: str) -> datetime:
    """The moment that `text` (RFC 3339) names, in UTC.

    Raises ValueError or OverflowError where the calendar has none.
    """
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


def moment(text: str) -> datetime:
    """The same, cut to the milliseconds that storage and wire hold."""
    found = instant(text)
    # Cut, for rounding up could leave the year 9999.
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


# Records that follow each other often have the same times, those of one import above all.
@lru_cache(maxsize=16)
def written(milliseconds: int) -> str:
    """A moment, in milliseconds since the epoch, in the form of the wire (contract: Time)."""
    return f"{(_EPOCH + milliseconds * _MILLISECOND).isoformat(timespec='milliseconds')}Z"
