"""Appends movements to the ledger, together with the balances that they leave."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert

from stockroom.db.connections import Connection
from stockroom.db.json_rows import JsonRows
from stockroom.db.tables import movement_lines, movements, stored
from stockroom.stock import level_locks
from stockroom.stock.level_locks import LevelKey
from stockroom.stock.model import Balance, Draft, Movement, Place

_Row = dict[str, Any]


def record(
    connection: Connection,
    drafts: Sequence[Draft],
    keys: Mapping[Place, LevelKey],
    balances: Mapping[LevelKey, Balance],
    *,
    by: str,
    now: datetime,
) -> list[Movement]:
    """Append movements in this order, and write the balances of locked levels; `keys` has all their ids."""
    if not drafts:
        return []
    given = {
        "movements": [_movement(number, draft, now) for number, draft in enumerate(drafts)],
        "lines": [line for number, draft in enumerate(drafts) for line in _lines(number, draft, keys)],
        "levels": level_locks.rows_of(balances),
        "by": by,
        "now": now,
    }
    write = _write_at_once if connection.dialect.name == "postgresql" else _write_in_turn
    ids = write(connection, given)
    return [_recorded(draft, key, by, now) for draft, key in zip(drafts, ids, strict=True)]


def _movement(number: int, draft: Draft, now: datetime) -> _Row:
    return {
        "number": number,
        "kind": draft.kind,
        "reference": draft.reference,
        "note": draft.note,
        "occurred_at": stored(draft.occurred_at or now),
        "reverses": draft.reverses,
    }


def _lines(number: int, draft: Draft, keys: Mapping[Place, LevelKey]) -> Iterator[_Row]:
    """The lines of the movement with this number."""
    for place, line in enumerate(draft.lines, 1):
        item, location = keys[line.place]
        yield {"number": number, "line": place, "item_id": item, "location_id": location, "delta": line.delta}


def _recorded(draft: Draft, key: int, by: str, now: datetime) -> Movement:
    return Movement(
        id=key,
        kind=draft.kind,
        reference=draft.reference,
        note=draft.note,
        occurred_at=draft.occurred_at or now,
        created_at=now,
        created_by=by,
        reverses=draft.reverses,
        reversed_by=None,
        lines=draft.lines,
    )


def _write_in_turn(connection: Connection, given: dict[str, Any]) -> Sequence[int]:
    if given["levels"]:
        connection.execute(_save, given)
    ids = sorted(connection.scalars(_insert, given))
    if given["lines"]:
        lines = [{**line, "movement_id": ids[line["number"]]} for line in given["lines"]]
        connection.execute(_insert_lines, {"lines": lines, "now": given["now"]})
    return ids


def _write_at_once(connection: Connection, given: dict[str, Any]) -> Sequence[int]:
    return connection.scalars(_write_all, given)


def _insertion(dialect: str) -> ReturningInsert[int]:
    rows = JsonRows(dialect, "movements")
    own = ("kind", "reference", "note", "occurred_at", "reverses")
    new = {movements.c[name]: rows.value(movements.c[name]) for name in own}
    new[movements.c.created_at] = sa.bindparam("now", type_=movements.c.created_at.type)
    new[movements.c.created_by] = sa.bindparam("by", type_=movements.c.created_by.type)
    # Ids are assigned in this order, so the sorted ids match the rows.
    source = sa.select(*new.values()).order_by(rows.named("number", sa.Integer()))
    return sa.insert(movements).from_select(list(new), source).returning(movements.c.id)


def _line_insertion(rows: JsonRows, movement: sa.ColumnElement[int], *froms: sa.FromClause) -> sa.Insert:
    names = ("line", "item_id", "location_id", "delta")
    new = {movement_lines.c[name]: rows.value(movement_lines.c[name]) for name in names}
    new[movement_lines.c.movement_id] = movement
    new[movement_lines.c.created_at] = sa.bindparam("now", type_=movement_lines.c.created_at.type)
    return sa.insert(movement_lines).from_select(list(new), sa.select(*new.values()).select_from(*froms))


def _all_in_one() -> sa.Select[int]:
    """All of it in one statement of PostgreSQL: three would take three round trips."""
    moved = _insertion("postgresql").cte("moved")
    number = sa.func.row_number().over(order_by=moved.c.id) - 1
    numbered = sa.select(moved.c.id, number.label("number")).cte("numbered")
    rows = JsonRows("postgresql", "lines")
    own = rows.elements.join(numbered, numbered.c.number == rows.named("number", sa.Integer()))
    lined = _line_insertion(rows, numbered.c.id, own).cte("lined")
    saved = level_locks.saving(JsonRows("postgresql", "levels")).cte("saved")
    return sa.select(numbered.c.id).order_by(numbered.c.id).add_cte(lined, saved)


_save = level_locks.saving(JsonRows("sqlite", "levels"))
_insert = _insertion("sqlite")
_numbered = JsonRows("sqlite", "lines")
_insert_lines = _line_insertion(_numbered, _numbered.value(movement_lines.c.movement_id), _numbered.elements)
_write_all = _all_in_one()
