"""Imports of movements: the fields of a row, the movement it makes, and how a refusal is reported."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from stockroom.errors import (
    BalanceOutOfRange,
    DomainError,
    InsufficientStock,
    ItemArchived,
    LocationArchived,
    UnknownItem,
    UnknownLocation,
)
from stockroom.imports.model import (
    Fields,
    ImportOptions,
    ImportRequest,
    Rejection,
    shown,
    unwrapped,
    whole_number,
)
from stockroom.stock.model import Draft, Line, MovementKind

_SHAPE_OF_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9:.,]+([Zz]|[+-][0-9:]+)?)?")
_US = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})( +([0-9]{1,2}):([0-9]{2})(:([0-9]{2}))?)?")

# POSIX reads the two-digit years 69 to 99 as of the twentieth century.
_NINETEEN = 69


def _iso(text: str) -> datetime:
    if not _SHAPE_OF_ISO.fullmatch(text):
        raise ValueError(text)
    return datetime.fromisoformat(text.upper())


def _us(text: str) -> datetime:
    match = _US.fullmatch(text)
    if match is None:
        raise ValueError(text)
    month, day, year, hour, minute, second = (int(match[group] or 0) for group in (1, 2, 3, 5, 6, 8))
    if len(match[3]) == len("yy"):
        year += 1900 if year >= _NINETEEN else 2000
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _time(read: Callable[[str], datetime], form: str) -> Callable[[str], str]:
    """Make a converter to RFC 3339; a time without a zone is in UTC."""

    def convert(text: str) -> str:
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        except (ValueError, OverflowError):
            raise ValueError(f"a time like {form}") from None

    return convert


_TIMES = {
    "iso": _time(_iso, "2026-11-23 or 2026-11-23T10:08:00Z"),
    "us": _time(_us, "11/23/2026 or 11/23/26 10:08"),
}


def fields(options: ImportRequest | ImportOptions) -> Fields:
    return Fields(
        names=("sku", "quantity", "location", "reference", "note", "occurred_at"),
        required={"sku": "0", "quantity": 1, "location": "0"},
        converters={
            "sku": unwrapped,
            "quantity": whole_number,
            "location": unwrapped,
            "occurred_at": _TIMES[options.dates],
        },
        defaults={"location": options.location} if options.location else {},
        lines=("reference",),
        texts=("note",),
    )


_KINDS: Mapping[str, tuple[MovementKind, MovementKind, int]] = {
    "receipt": ("receipt", "issue", 1),
    "issue": ("issue", "receipt", -1),
    "adjustment": ("adjustment", "adjustment", 1),
}
"""The kind of a row with a positive quantity, with a negative one, and the sign of the former's delta."""


def draft(row: Mapping[str, Any], movement: str) -> Draft:
    """The movement of a row; `movement` is what a positive quantity means."""
    there, back, sign = _KINDS[movement]
    quantity = row["quantity"]
    occurred_at = row.get("occurred_at")
    return Draft(
        kind=there if quantity > 0 else back,
        lines=(Line(row["sku"], row["location"], sign * quantity),),
        reference=row.get("reference"),
        note=row.get("note"),
        occurred_at=datetime.fromisoformat(occurred_at) if occurred_at else None,
    )


_BLAMED: Mapping[type[DomainError], str] = {
    UnknownItem: "sku",
    ItemArchived: "sku",
    UnknownLocation: "location",
    LocationArchived: "location",
    InsufficientStock: "quantity",
    BalanceOutOfRange: "quantity",
}


def rejection(line: int, row: Mapping[str, Any], refusal: DomainError, options: ImportOptions) -> Rejection:
    """Report for a row of the file why the ledger refused it."""
    reason = refusal.detail
    if isinstance(refusal, InsufficientStock):
        (shortage,) = refusal.shortages
        reason = f"{shortage['requested']} requested, {shortage['available']} available"
    field = _BLAMED[type(refusal)]
    column = options.columns.get(field)
    return Rejection(line, column.title if column else None, reason, shown(str(row[field])))
