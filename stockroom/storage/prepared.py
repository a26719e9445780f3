"""SELECTs that come again, compiled for good: SQLAlchemy's way through one takes longer than PostgreSQL's."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import sqlalchemy as sa
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

Values = Mapping[str, Any]
Rows = list[tuple[Any, ...]]
# The text of a statement, as the driver takes it, and the values of its parameters in their order.
Ask = Callable[[Any, Sequence[Any]], Rows]
_Result = sa.Result[*tuple[Any, ...]]


def _positional(dialect: sa.Dialect) -> sa.Dialect:
    """The dialect, its parameters in places: of those with names the driver would make such each time."""
    if dialect.positional:
        return dialect
    numbered = copy(dialect)
    numbered.paramstyle, numbered.positional = "numeric_dollar", True
    numbered.identifier_preparer = numbered.preparer(numbered)
    return numbered


class Prepared:
    """A SELECT in the words of a database. It may have CTEs that write."""

    def __init__(self, statement: sa.SelectBase, values: Values, dialect: sa.Dialect) -> None:
        """`values` are an example. Raises ValueError where they decide about the text."""
        compiled = statement.compile(dialect=_positional(dialect))
        state = compiled.construct_expanded_state(values)
        if state.parameter_expansion:
            raise ValueError("IN takes as many parameters as it is given values")
        self.takes = state.parameters.keys() & values.keys()
        self._text: Any = state.statement if dialect.positional else state.statement.encode()
        self._order = state.positiontup or ()
        self._given = {name: value for name, value in state.parameters.items() if name not in values}
        self._bind = {
            name: process
            for parameter, name in compiled.bind_names.items()
            if (process := parameter.type.dialect_impl(dialect).bind_processor(dialect))
        }
        columns = statement.selected_columns
        read = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._rows = SimpleResultMetaData(
            columns.keys(), extra=[(column,) for column in columns], _processors=read if any(read) else None
        )

    def result(self, ask: Ask, values: Values) -> _Result:
        """The result for values that have all that it `takes`. Raises what the driver does."""
        given = {**self._given, **values}
        for name, process in self._bind.items():
            given[name] = process(given[name])
        rows = ask(self._text, [given[name] for name in self._order])
        return IteratorResult(self._rows, iter(rows))


# By dialect, then by statement; None where a statement always goes SQLAlchemy's way.
_known: defaultdict[str, WeakKeyDictionary[sa.Executable, Prepared | None]] = defaultdict(WeakKeyDictionary)
_seen: WeakSet[sa.Executable] = WeakSet()


def prepared(statement: sa.Executable, values: Values, dialect: sa.Dialect) -> Prepared | None:
    """The statement; None if it is met for the first time, cannot be prepared, or lacks values."""
    known = _known[dialect.name]
    try:
        found = known[statement]
    except KeyError:
        if statement not in _seen:
            _seen.add(statement)
            return None
        found = known[statement] = _made(statement, values, dialect)
    return found if found and found.takes <= values.keys() else None


def _made(statement: sa.Executable, values: Values, dialect: sa.Dialect) -> Prepared | None:
    if isinstance(statement, sa.SelectBase):
        # What SQLAlchemy has against the values it says itself. How to read numbers it asks the cursor.
        with suppress(ValueError, TypeError, sa.exc.SQLAlchemyError):
            return Prepared(statement, values, dialect)
    return None
