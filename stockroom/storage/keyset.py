"""Places in an order: what comes after a row, by its sort keys (keyset pagination)."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from stockroom.storage import cursors
from stockroom.storage.cursors import Key

LARGEST = 2**63 - 1
"""The largest number that a statement can be given."""


def after_cursor(keys: Sequence[Key]) -> sa.ColumnElement[bool]:
    """What comes after a cursor, whose values are bound as in `cursor_values`."""
    given = [sa.bindparam(f"page_key_{number}", type_=key.column.type) for number, key in enumerate(keys)]
    return after(keys, given)


def cursor_values(keys: Sequence[Key], cursor: str | None) -> dict[str, object]:
    """The values of a cursor's bind parameters; none where there is no cursor.

    Raises InvalidRequest for a cursor that was not made for this order.
    """
    if cursor is None:
        return {}
    return {f"page_key_{number}": value for number, value in enumerate(cursors.decode(keys, cursor))}


def in_order(keys: Sequence[Key]) -> list[sa.ColumnElement[Any]]:
    """What to sort by."""
    return [key.column.desc() if key.descending else key.column.asc() for key in keys]


def after(keys: Sequence[Key], values: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    """What comes after `values`, said so that SQLite and PostgreSQL both seek to the place in an index."""
    if len({(key.descending, getattr(key.column, "table", None)) for key in keys}) > 1:
        return _after_mixed(keys, values)
    place, given = sa.tuple_(*(key.column for key in keys)), sa.tuple_(*values)
    return place < given if keys[0].descending else place > given


def _after_mixed(keys: Sequence[Key], values: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    # Row values compare in one direction, and by an index in one table, only. The first key is compared once
    # more for the index's sake.
    column, value = keys[0].column, values[0]
    after = column < value if keys[0].descending else column > value
    if len(keys) == 1:
        return after
    reached = column <= value if keys[0].descending else column >= value
    return sa.and_(reached, sa.or_(after, _after_mixed(keys[1:], values[1:])))


def whole(name: str) -> sa.BindParameter[int]:
    """A bind parameter that is an integer."""
    return sa.bindparam(name, type_=sa.BigInteger)
