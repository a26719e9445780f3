"""Imports of movements: the fields of a row, the movement it makes, and how a refusal is reported."""

from collections.abc import Mapping
from datetime import datetime
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
from stockroom.imports.dates import DATES
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


def fields(options: ImportRequest | ImportOptions) -> Fields:
    return Fields(
        names=("sku", "quantity", "location", "reference", "note", "occurred_at"),
        required={"sku": "0", "quantity": 1, "location": "0"},
        converters={
            "sku": unwrapped,
            "quantity": whole_number,
            "location": unwrapped,
            "occurred_at": DATES[options.dates],
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
