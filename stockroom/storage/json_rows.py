"""Statements that take all their rows as one JSON array: several times as fast as value by value."""

from typing import Any

import sqlalchemy as sa

DIALECTS = {"sqlite": "json_each", "postgresql": "json_array_elements"}
"""The databases, and the function of each that makes rows of such an array."""


class JsonRows:
    """The elements of the array bound to a statement as `rows`, in a database's own words."""

    def __init__(self, dialect: str) -> None:
        unpack = getattr(sa.func, DIALECTS[dialect])
        array = sa.bindparam("rows", type_=sa.JSON)
        self.elements = unpack(array).table_valued(sa.column("value", sa.JSON), name="element")

    def value(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """What an object has under the name of the column, as what the column holds."""
        return self.named(column.name, column.type)

    def named(self, name: str, kind: sa.types.TypeEngine[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(self.elements.c.value[name].as_string(), kind)
