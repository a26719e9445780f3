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


def holding(text: str, *columns: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Rows with `text` somewhere in one of the columns, whatever its case.

    Beyond ASCII, case is folded as the database's locale folds it, which on SQLite is not at all.
    """
    # PostgreSQL refuses a NUL in any text, and no name holds one (contract: Sku, ItemName, LocationCode).
    if "\0" in text:
        return sa.false()
    # Not ILIKE, which folds the text anew for every row.
    pattern = sa.func.lower("%" + _ESCAPED.sub(r"/\g<0>", text) + "%")
    return sa.or_(*(sa.func.lower(column).like(pattern, escape="/") for column in columns))


def is_one_of(column: sa.ColumnElement[int], ids: _Ids, dialect: str) -> sa.ColumnElement[bool]:
    """Whether a key is among `ids`, which are few: looked up one by one, whatever the statistics say."""
    if dialect == "sqlite":
        return column.in_(ids)
    # PostgreSQL takes an array for ten ids, and a query for as many as it believes there are.
    return column == sa.any_(sa.func.array(ids.scalar_subquery()))


def are_few(reader: sa.Connection, ids: _Ids, few: int) -> bool:
    """Whether there are no more than `few`."""
    some = sa.select(ids.subquery()).limit(few + 1).subquery()
    return (reader.scalar(sa.select(sa.func.count()).select_from(some)) or 0) <= few
