"""The content of an export, streamed as records in the form of the contract's schemas."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.statements import Row
from stockroom.db.tables import items, levels, locations, movement_lines, movements
from stockroom.exports.model import ExportOptions, Record
from stockroom.exports.prefetch import prefetch
from stockroom.items import queries as catalogue
from stockroom.stock import level_queries, movement_pages
from stockroom.stock.movement_pages import Filters
from stockroom.times import written

_Query = sa.Select[*tuple[Any, ...]]

_FETCHED = 2_000
"""Rows fetched from the database at a time."""


class Found(NamedTuple):
    """The number of records, and an iterator of them."""

    total: int
    records: Iterator[Record]


class _Selection(NamedTuple):
    """The query of the rows, a cheaper query with the same number of rows, and what makes records of rows."""

    rows: _Query
    counted: _Query
    records: Callable[[Iterator[Row]], Iterator[Record]]


@contextmanager
def read(snapshot: Connection, options: ExportOptions, now: datetime) -> Iterator[Found]:
    """Find what `options` ask for. Records are fetched lazily, a few at a time."""
    rows, counted, records = _SELECT[options.kind](snapshot, options, now)
    total = snapshot.scalar(sa.select(sa.func.count()).select_from(counted.subquery())) or 0
    # On PostgreSQL through a server-side cursor. SQLite produces rows on demand.
    with (
        closing(snapshot.stream(rows, size=_FETCHED)) as parts,
        closing(_prefetched(parts)) as found,
    ):
        yield Found(total, records(found))


def _prefetched(parts: Iterator[Sequence[Row]]) -> Generator[Row]:
    """Yield all rows while the next ones are fetched: the database works in parallel."""
    with closing(prefetch(parts)) as fetched:
        for rows in fetched:
            yield from rows


def _items(snapshot: Connection, options: ExportOptions, now: datetime) -> _Selection:
    filters = {"q": None, "tag": None, "archived": False, **options.filters}
    query = catalogue.filtered(_ITEMS, **filters)
    return _Selection(query.order_by(items.c.sku), _bare(query), lambda rows: map(_item, rows))


def _levels(snapshot: Connection, options: ExportOptions, now: datetime) -> _Selection:
    filters = {"sku": None, "location": None, "low": None, **options.filters}
    query = level_queries.filtered(**filters, now=now)
    order = (levels.c.sku, locations.c.code)
    return _Selection(query.order_by(*order), _bare(query), lambda rows: map(_level, rows))


def _movements(snapshot: Connection, options: ExportOptions, now: datetime) -> _Selection:
    filters = Filters(**{**options.filters, **options.times})
    query = movement_pages.filtered(snapshot, _MOVEMENTS, filters)
    counted = movement_pages.filtered(snapshot, sa.select(movements.c.id), filters)
    ordered = query.order_by(movements.c.id, movement_lines.c.line)
    return _Selection(ordered, counted, lambda rows: map(_movement, groupby(rows, key=itemgetter(0))))


_SELECT = {"items": _items, "levels": _levels, "movements": _movements}


def _bare(query: _Query) -> _Query:
    """The same rows without their computed columns."""
    return query.with_only_columns(sa.literal_column("1"), maintain_column_froms=True)


def _time(column: sa.Column[datetime]) -> sa.ColumnElement[int]:
    """The column as it is stored: making millions of aware datetimes takes long."""
    return sa.type_coerce(column, sa.BigInteger)


_ITEMS = sa.select(
    items.c.sku,
    items.c.name,
    items.c.description,
    items.c.unit,
    items.c.reorder_point,
    catalogue.collected_tags,
    items.c.archived,
    items.c.version,
    _time(items.c.created_at),
    _time(items.c.updated_at),
)
_reversal = movements.alias("reversal")
# One row a line, or one row for a movement without lines, as a count without differences is.
_MOVEMENTS = sa.select(
    movements.c.id,
    movements.c.kind,
    movements.c.reference,
    movements.c.note,
    _time(movements.c.occurred_at),
    _time(movements.c.created_at),
    movements.c.created_by,
    movements.c.reverses,
    _reversal.c.id.label("reversed_by"),
    items.c.sku,
    locations.c.code,
    movement_lines.c.delta,
).select_from(
    movements.outerjoin(_reversal, _reversal.c.reverses == movements.c.id)
    .outerjoin(movement_lines, movement_lines.c.movement_id == movements.c.id)
    .outerjoin(items, items.c.id == movement_lines.c.item_id)
    .outerjoin(locations, locations.c.id == movement_lines.c.location_id)
)


def _item(row: Row) -> Record:
    sku, name, description, unit, reorder_point, tags, archived, version, created_at, updated_at = row
    return {
        "sku": sku,
        "name": name,
        "description": description,
        "unit": unit,
        "reorder_point": reorder_point,
        "tags": sorted(tags.split(",")) if tags else [],
        "archived": archived,
        "version": version,
        "created_at": written(created_at),
        "updated_at": written(updated_at),
    }


def _level(row: Row) -> Record:
    sku, code, on_hand, reserved, reorder_point, low = row
    reserved = int(reserved)
    return {
        "sku": sku,
        "location": code,
        "on_hand": on_hand,
        "reserved": reserved,
        "available": on_hand - reserved,
        "reorder_point": reorder_point,
        "low": bool(low),
    }


def _movement(group: tuple[int, Iterable[Row]]) -> Record:
    lines = []
    for row in group[1]:
        id_, kind, reference, note, occurred_at, created_at, by, reverses, reversed_by, sku, code, delta = row
        if sku is not None:
            lines.append({"sku": sku, "location": code, "delta": delta})
    return {
        "id": id_,
        "kind": kind,
        "reference": reference,
        "note": note,
        "occurred_at": written(occurred_at),
        "created_at": written(created_at),
        "created_by": by,
        "reverses": reverses,
        "reversed_by": reversed_by,
        "lines": lines,
    }
