"""Keyset pagination: the rows that come after a row, by its sort keys."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from stockroom.db import cursors
from stockroom.db.cursors import SortKey

LARGEST = 2**63 - 1
"""The largest integer that can be bound to a statement."""


def after_cursor(keys: Sequence[SortKey]) -> sa.ColumnElement[bool]:
    """The rows after a cursor, whose values are bound as in `cursor_values`."""
    given = [sa.bindparam(f"page_key_{number}", type_=key.column.type) for number, key in enumerate(keys)]
    return after(keys, given)


def cursor_values(keys: Sequence[SortKey], cursor: str | None) -> dict[str, object]:
    """The values of a cursor's bind parameters; none without a cursor.

    Raises InvalidRequest for a cursor of another order.
    """
    if cursor is None:
        return {}
    return {f"page_key_{number}": value for number, value in enumerate(cursors.decode(keys, cursor))}


def in_order(keys: Sequence[SortKey]) -> list[sa.ColumnElement[Any]]:
    """The ORDER BY of the keys."""
    return [key.column.desc() if key.descending else key.column.asc() for key in keys]


def after(keys: Sequence[SortKey], values: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    """The rows after `values`, in a form for which SQLite and PostgreSQL both seek in an index."""
    if len({(key.descending, getattr(key.column, "table", None)) for key in keys}) > 1:
        return _after_mixed(keys, values)
    place, given = sa.tuple_(*(key.column for key in keys)), sa.tuple_(*values)
    return place < given if keys[0].descending else place > given


def _after_mixed(keys: Sequence[SortKey], values: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    # Row values compare in one direction, and use an index on one table, only. The first key is compared
    # twice, so that the index is used.
    column, value = keys[0].column, values[0]
    after = column < value if keys[0].descending else column > value
    if len(keys) == 1:
        return after
    reached = column <= value if keys[0].descending else column >= value
    return sa.and_(reached, sa.or_(after, _after_mixed(keys[1:], values[1:])))


def whole(name: str) -> sa.BindParameter[int]:
    """A bind parameter that is an integer."""
    return sa.bindparam(name, type_=sa.BigInteger)
