"""Queries of movements and their lines."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS
from stockroom.db.lists import is_given
from stockroom.db.tables import items, locations, movement_lines, movements
from stockroom.stock.model import Line, Movement

_reversal = movements.alias("reversal")


def columns(id: sa.ColumnElement[int]) -> tuple[sa.ColumnElement[Any], ...]:
    """The columns that `with_lines` needs; `id` is the column with the movement's id."""
    reversed_by = sa.select(_reversal.c.id).where(_reversal.c.reverses == movements.c.id)
    return (
        id,
        movements.c.kind,
        movements.c.reference,
        movements.c.note,
        movements.c.occurred_at,
        movements.c.created_at,
        movements.c.created_by,
        movements.c.reverses,
        reversed_by.scalar_subquery().label("reversed_by"),
    )


_lines = {
    dialect: sa.select(movement_lines.c.movement_id, items.c.sku, locations.c.code, movement_lines.c.delta)
    .join_from(movement_lines, items)
    .join(locations)
    .where(is_given(movement_lines.c.movement_id, "ids", dialect))
    .order_by(movement_lines.c.movement_id, movement_lines.c.line)
    for dialect in DIALECTS
}
_find = sa.select(*columns(movements.c.id)).where(movements.c.id == sa.bindparam("key"))
# FOR NO KEY UPDATE does not block a reversal's row, which refers to this one FOR KEY SHARE. SQLite has one
# writer.
_lock = sa.select(movements.c.id).where(movements.c.id == sa.bindparam("key")).with_for_update(key_share=True)


def find(reader: Connection, id: int) -> Movement | None:
    """Read one movement."""
    return next(iter(with_lines(reader, reader.execute(_find, {"key": id}).all())), None)


def lock(connection: Connection, id: int) -> Movement | None:
    """Read one movement, and lock it against reversals until the transaction ends."""
    connection.execute(_lock, {"key": id})
    # Only a statement that starts after the wait for the lock sees a reversal that another has committed.
    return find(connection, id)


def with_lines(reader: Connection, rows: Sequence[sa.Row[Any]]) -> tuple[Movement, ...]:
    """Make movements of rows that begin with `columns`; one more query reads their lines."""
    lines: dict[int, list[Line]] = {row.id: [] for row in rows}
    if lines:
        query = _lines[reader.dialect.name]
        for movement, sku, location, delta in reader.execute(query, {"ids": list(lines)}).all():
            lines[movement].append(Line(sku, location, delta))
    return tuple(
        Movement(
            id=row.id,
            kind=row.kind,
            reference=row.reference,
            note=row.note,
            occurred_at=row.occurred_at,
            created_at=row.created_at,
            created_by=row.created_by,
            reverses=row.reverses,
            reversed_by=row.reversed_by,
            lines=tuple(lines[row.id]),
        )
        for row in rows
    )
