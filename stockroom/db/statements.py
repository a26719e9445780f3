"""Statements of SQLAlchemy Core, compiled once: their text, the order of their parameters, their types.

Core builds and compiles the SQL; a driver runs it. Core's own execution of a statement takes longer than
PostgreSQL's (docs/adr/0020).
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa

Values = Mapping[str, Any]
Row = Any
"""A named tuple: its members are those of the statement, by name and in their order."""

_Process = Callable[[Any], Any]
_DML = (sa.Insert, sa.Update, sa.Delete)


class Statement:
    """A statement in the words of one database."""

    def __init__(self, clause: sa.Executable, dialect: sa.Dialect, names: Iterable[str]) -> None:
        """`names` are those of the values that it will be given."""
        # An INSERT or UPDATE without a list of columns writes those it is given values for.
        given = sorted(names) if isinstance(clause, _DML) else None
        self._compiled: Any = clause.compile(dialect=dialect, column_keys=given)  # type: ignore[attr-defined]  # all have it
        self._process: dict[str, _Process] = {
            name: process
            for parameter, name in self._compiled.bind_names.items()
            if (process := _bind_processor(parameter, dialect))
        }
        columns = _columns(clause)
        self.returns_rows = columns is not None
        self._make = None if columns is None else _maker([column.key or "" for column in columns])
        self._read = [
            (place, process)
            for place, column in enumerate(columns or ())
            if (process := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]
        state = self._compiled.construct_expanded_state(self._compiled.params)
        self._expands = bool(state.parameter_expansion)
        self._text: str = state.statement
        self._order: Sequence[str] = state.positiontup or ()
        self._own = self._compiled.params

    def bound(self, values: Values) -> tuple[str, list[Any]]:
        """The text, and the parameters in their order, in the form that the driver takes.

        Raises KeyError for a value that is missing.
        """
        given = {**self._own, **values}
        for name, process in self._process.items():
            given[name] = process(given[name])
        if not self._expands:
            return self._text, [given[name] for name in self._order]
        # IN takes as many parameters as it is given values.
        state = self._compiled.construct_expanded_state(given)
        return state.statement, list(state.positional_parameters)

    def rows(self, records: Sequence[Sequence[Any]], names: Callable[[], Sequence[str]]) -> list[Row]:
        """What a driver found, as rows; `names` tells the columns where only the driver knows them."""
        make = self._make or _maker(names())
        if not self._read or not records:
            return list(map(make, records))
        columns: list[Iterable[Any]] = list(zip(*records, strict=True))
        for place, process in self._read:
            columns[place] = map(process, columns[place])
        return list(map(make, zip(*columns, strict=True)))


class Statements:
    """The statements of one database, each compiled when it comes for the first time."""

    def __init__(self, dialect: sa.Dialect) -> None:
        self._dialect = dialect
        # By what was given, too, for those that write what they are given.
        self._known: WeakKeyDictionary[sa.Executable, dict[frozenset[str], Statement]] = WeakKeyDictionary()

    def get(self, clause: sa.Executable, values: Values) -> Statement:
        known = self._known.get(clause)
        if known is None:
            known = self._known[clause] = {}
        names = frozenset(values) if isinstance(clause, _DML) else _ANY
        found = known.get(names)
        if found is None:
            found = known[names] = Statement(clause, self._dialect, values)
        return found


_ANY: frozenset[str] = frozenset()


def _columns(clause: sa.Executable) -> Sequence[sa.ColumnElement[Any]] | None:
    """The columns of what a statement finds; None where it finds nothing, or only the driver knows."""
    if isinstance(clause, sa.SelectBase):
        return list(clause.selected_columns)
    if isinstance(clause, _DML):
        found = list(clause.exported_columns)
        return found or None
    return None


def _bind_processor(parameter: sa.BindParameter[Any], dialect: sa.Dialect) -> _Process | None:
    process: _Process | None = parameter.type.dialect_impl(dialect).bind_processor(dialect)
    if process is None or not parameter.expanding:
        return process
    return lambda values: [process(value) for value in values]


def _maker(names: Sequence[str]) -> Callable[[Iterable[Any]], Row]:
    # `rename`: what is only counted or summed up has no name that could be one of a member.
    kind = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - known at run time alone
    # Without the code in Python that the class itself makes its members by.
    return partial(tuple.__new__, kind)
