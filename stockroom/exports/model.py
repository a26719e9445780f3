"""Exports: the options of an export, and how records become rows of a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, Self

from stockroom.frozen import frozen
from stockroom.times import instant

ExportKind = Literal["items", "levels", "movements"]
"""What an export contains."""

Format = Literal["csv", "jsonl"]

Record = Mapping[str, Any]
"""An item, level or movement in the form of the contract's schema, times as they are written there."""

Cells = Sequence[object]


@frozen
class ExportOptions:
    """What to export and how (contract: NewExport)."""

    kind: ExportKind
    format: Format
    filters: Mapping[str, Any] = field(default_factory=dict)

    def as_parameters(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> Self:
        return cls(**parameters)

    def file(self, task_id: str, fence: int) -> str:
        """The name of the file that one attempt at the task writes.

        Each attempt has its own, so that a worker that lost its lease cannot replace the file of its
        successor.
        """
        return f"{task_id}-{fence}.{self.format}"

    @property
    def times(self) -> dict[str, datetime | None]:
        """The filters `since` and `until` as moments."""
        return {
            name: instant(self.filters[name]) if name in self.filters else None for name in ("since", "until")
        }


class Table(NamedTuple):
    """How records become rows: the titles of the columns, and the rows of one record."""

    columns: tuple[str, ...]
    rows: Callable[[Record], Iterator[Cells]]


def _members(record: Record) -> Iterator[Cells]:
    yield [_CELLS[type(value)](value) if type(value) in _CELLS else value for value in record.values()]


def _lines(movement: Record) -> Iterator[Cells]:
    reference, note, occurred_at = movement["reference"], movement["note"], movement["occurred_at"]
    others = [movement[name] for name in _OF_MOVEMENTS]
    for line in movement["lines"]:
        yield [line["sku"], line["location"], line["delta"], reference, note, occurred_at, *others]


# As the import of a file reads them.
_CELLS: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    list: "|".join,
}
_OF_MOVEMENTS = ("id", "kind", "created_at", "created_by", "reverses", "reversed_by")

TABLES: Mapping[ExportKind, Table] = {
    "items": Table(
        (
            "sku",
            "name",
            "description",
            "unit",
            "reorder_point",
            "tags",
            "archived",
            "version",
            "created_at",
            "updated_at",
        ),
        _members,
    ),
    "levels": Table(
        ("sku", "location", "on_hand", "reserved", "available", "reorder_point", "low"), _members
    ),
    # First the columns that an import of movements reads, then the others.
    "movements": Table(
        ("sku", "location", "quantity", "reference", "note", "occurred_at", *_OF_MOVEMENTS), _lines
    ),
}
"""The tables of each kind (contract: POST /exports)."""
