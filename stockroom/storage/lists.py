"""What lists of named things share: the orders that the contract offers, and the search for text."""

import re
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from stockroom.storage.pages import Key

_ESCAPE = "/"
_SPECIAL = re.compile("[/%_]")


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


def holding(*columns: sa.Column[str]) -> sa.ColumnElement[bool]:
    """Rows with the text that is `searched` somewhere in one of the columns, whatever its case.

    Beyond ASCII, case is folded as the database's locale folds it, which on SQLite is not at all.
    """
    text = sa.bindparam("q", type_=sa.String)
    return sa.or_(*(column.icontains(text, escape=_ESCAPE) for column in columns))


def searched(text: str | None) -> dict[str, object]:
    """The value that `holding` takes, if there is something to search for."""
    return {} if text is None else {"q": _SPECIAL.sub(rf"{_ESCAPE}\g<0>", text)}
