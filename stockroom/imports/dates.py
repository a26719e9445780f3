"""Times as files have them, made into RFC 3339; one without a zone is in UTC."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

_SHAPE_OF_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.,]+([Zz]|[+-][0-9:]+)?)?")
_CLOCK = r"( +(?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(:(?P<s>[0-9]{2}))?( ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
_PARTS = {"d": "(?P<d>[0-9]{1,2})", "m": "(?P<m>[0-9]{1,2})", "y": "(?P<y>[0-9]{4}|[0-9]{2})"}

# POSIX reads the two-digit years 69 to 99 as of the twentieth century.
_NINETEEN = 69
_HALF_A_DAY = 12


def _iso(text: str) -> datetime:
    if not _SHAPE_OF_ISO.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())


def _in_order(order: str) -> Callable[[str], datetime]:
    """Read days whose parts come in `order`, perhaps with a time of 24 or 12 hours."""
    first, second, third = (_PARTS[part] for part in order)
    shape = re.compile(f"{first}(?P<mark>[/.-]){second}(?P=mark){third}{_CLOCK}")

    def read(text: str) -> datetime:
        match = shape.fullmatch(text)
        if match is None:
            raise ValueError(text)
        year = int(match["y"])
        if len(match["y"]) == len("yy"):
            year += 1900 if year >= _NINETEEN else 2000
        minute, second = int(match["min"] or 0), int(match["s"] or 0)
        hour = _hour(int(match["h"] or 0), match["half"])
        return datetime(year, int(match["m"]), int(match["d"]), hour, minute, second, tzinfo=UTC)

    return read


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= _HALF_A_DAY:
        raise ValueError(hour)
    return hour % _HALF_A_DAY + (_HALF_A_DAY if half in "Pp" else 0)


def _time(read: Callable[[str], datetime], form: str) -> Callable[[str], str]:
    """Make a converter to RFC 3339."""

    def convert(text: str) -> str:
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            raise ValueError(f"a time like {form}") from None

    return convert


_MDY = _time(_in_order("mdy"), "11/23/2026 or 11/23/26 10:08")

DATES: Mapping[str, Callable[[str], str]] = {
    "iso": _time(_iso, "2026-11-23 or 2026-11-23T10:08:00Z"),
    "us": _MDY,
    "mdy": _MDY,
    "dmy": _time(_in_order("dmy"), "23/11/2026 or 23.11.26 10:08"),
    "ymd": _time(_in_order("ymd"), "2026/11/23 or 2026.11.23 10:08"),
}
"""Converters by the name of their form in the contract; each raises ValueError(what the text is not)."""
