"""Moments as people write them."""

from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """The moment that `text` (RFC 3339) names, in UTC, cut to the milliseconds that storage and wire hold.

    Raises ValueError or OverflowError where the calendar has none.
    """
    found = datetime.fromisoformat(text.upper()).astimezone(UTC)
    # Cut, for rounding up could leave the year 9999.
    return found.replace(microsecond=found.microsecond // 1000 * 1000)
