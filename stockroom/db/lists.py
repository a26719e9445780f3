"""What all lists share: the orders that the contract offers, and the search for text."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from stockroom.db.pages import SortKey

_Ids = sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]]

_ESCAPED = re.compile("[%_/]")


def orders(table: sa.Table, names: Sequence[str], *, unique: str) -> Mapping[str, tuple[SortKey, ...]]:
    """The orders by each column of `names`; `-` before a name is descending.

    The `unique` column breaks ties in the same direction, as the indexes do.
    """
    return {
        f"{sign}{name}": tuple(
            SortKey(table.c[key], descending=bool(sign)) for key in dict.fromkeys((name, unique))
        )
        for name in names
        for sign in ("", "-")
    }


def holding(*columns: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Rows that contain the text bound as `pattern` in one of the columns, ignoring case.

    Beyond ASCII, case is folded by the database's locale; SQLite does not fold it at all.
    """
    # A subquery: otherwise ILIKE, and a prepared statement, fold the text again for every row.
    folded = sa.select(sa.func.lower(sa.bindparam("pattern", type_=sa.String))).scalar_subquery()
    return sa.or_(*(sa.func.lower(column).like(folded, escape="/") for column in columns))


def pattern(text: str) -> str:
    """The LIKE pattern for a text. PostgreSQL rejects NUL; no name contains it, or matches the empty pattern
    (contract: Sku, ItemName, LocationCode).
    """
    return "" if "\0" in text else "%" + _ESCAPED.sub(r"/\g<0>", text) + "%"


def is_given(column: sa.Column[Any], name: str, dialect: str) -> sa.ColumnElement[bool]:
    """Whether a key is in the list bound as `name`: one parameter, however many keys there are."""
    if dialect == "sqlite":
        given = sa.func.json_each(sa.bindparam(name, type_=sa.JSON)).table_valued(
            "value", name=f"given_{name}"
        )
        return column.in_(sa.select(given.c.value))
    return column == sa.any_(sa.bindparam(name, type_=sa.ARRAY(column.type)))


def is_one_of(column: sa.ColumnElement[int], ids: _Ids, dialect: str) -> sa.ColumnElement[bool]:
    """Whether a key is one of the few `ids`: each is looked up separately, whatever the statistics say."""
    if dialect == "sqlite":
        return column.in_(ids)
    # PostgreSQL expects ten ids of an array, and of a query as many as it estimates.
    return column == sa.any_(sa.func.array(ids.scalar_subquery()))
