"""What lists of named things share: the orders that the contract offers, and the search for text."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from stockroom.storage.pages import Key

_Ids = sa.Select[*tuple[Any, ...]] | sa.CompoundSelect[*tuple[Any, ...]]

_ESCAPED = re.compile("[%_/]")


def orders(table: sa.Table, names: Sequence[str], *, unique: str) -> Mapping[str, tuple[Key, ...]]:
    """The orders by each column of `names`, `-` before the name for turned round.

    The `unique` column settles ties, the same way round, as the indexes do.
    """
    return {
        f"{sign}{name}": tuple(
            Key(table.c[key], descending=bool(sign)) for key in dict.fromkeys((name, unique))
        )
        for name in names
        for sign in ("", "-")
    }


def holding(*columns: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Rows with a text, bound as `pattern`, somewhere in one of the columns, whatever its case.

    Beyond ASCII, case is folded as the database's locale folds it, which on SQLite is not at all.
    """
    # A query of its own: ILIKE folds the text anew for every row, and so does a prepared statement else.
    folded = sa.select(sa.func.lower(sa.bindparam("pattern", type_=sa.String))).scalar_subquery()
    return sa.or_(*(sa.func.lower(column).like(folded, escape="/") for column in columns))


def pattern(text: str) -> str:
    """What finds a text. PostgreSQL takes no NUL, and no name holds one or is like the empty pattern
    (contract: Sku, ItemName, LocationCode).
    """
    return "" if "\0" in text else "%" + _ESCAPED.sub(r"/\g<0>", text) + "%"


def is_given(column: sa.Column[Any], name: str, dialect: str) -> sa.ColumnElement[bool]:
    """Whether a key is in the list that is bound as `name`: one parameter, however many there are."""
    if dialect == "sqlite":
        given = sa.func.json_each(sa.bindparam(name, type_=sa.JSON)).table_valued(
            "value", name=f"given_{name}"
        )
        return column.in_(sa.select(given.c.value))
    return column == sa.any_(sa.bindparam(name, type_=sa.ARRAY(column.type)))


def is_one_of(column: sa.ColumnElement[int], ids: _Ids, dialect: str) -> sa.ColumnElement[bool]:
    """Whether a key is among `ids`, which are few: looked up one by one, whatever the statistics say."""
    if dialect == "sqlite":
        return column.in_(ids)
    # PostgreSQL takes an array for ten ids, and a query for as many as it believes there are.
    return column == sa.any_(sa.func.array(ids.scalar_subquery()))
