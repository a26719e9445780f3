"""Connections for reading, which hand the statements that come again straight to the driver."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

from stockroom.storage.lending import Lending, Lent

_Values = Mapping[str, Any]
_Result = sa.Result[*tuple[Any, ...]]


class Reader(Lent):
    """Runs each statement by itself (AUTOCOMMIT).

    SQLAlchemy's way through an execution takes longer than PostgreSQL's; so a SELECT that comes again is
    compiled for good. What goes wrong is asked once more in SQLAlchemy's way, which knows all errors.
    """

    def __init__(self, lending: Lending) -> None:
        super().__init__(lending)
        self._cursor: DBAPICursor = self.connection.cursor()

    def execute(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        query = None if options or self.invalidated else _known(statement, parameters or {}, self.dialect)
        if query is None:
            return super().execute(statement, parameters, **options)
        try:
            return query.result(self._cursor, parameters or {})
        except (self.dialect.loaded_dbapi.Error, KeyError):
            return super().execute(statement, parameters)
        except BaseException as error:
            # Broken off between question and answer.
            self.invalidate(error)
            raise

    def scalar(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        return self.execute(statement, parameters, **options).scalar()

    def is_whole(self) -> bool:
        # SQLAlchemy believes in a transaction. It may have come by another connection when one was lost.
        if self.closed or self.invalidated:
            return False
        return self._cursor.connection is self.connection.dbapi_connection


class _Query:
    """A SELECT in the words of a database."""

    def __init__(self, statement: sa.SelectBase, values: _Values, dialect: sa.Dialect) -> None:
        """`values` are an example. Raises ValueError where they decide about the text."""
        compiled = statement.compile(dialect=dialect)
        state = compiled.construct_expanded_state(values)
        if state.parameter_expansion:
            raise ValueError("IN takes as many parameters as it is given values")
        self._text = state.statement
        self._order = state.positiontup
        self._given = {name: value for name, value in state.parameters.items() if name not in values}
        self._bind = {
            name: process
            for parameter, name in compiled.bind_names.items()
            if (process := parameter.type.dialect_impl(dialect).bind_processor(dialect))
        }
        self._columns = list(statement.selected_columns)
        self._read = {
            place: process
            for place, column in enumerate(self._columns)
            if (process := column.type.dialect_impl(dialect).result_processor(dialect, None))
        }
        self._names: SimpleResultMetaData | None = None

    def result(self, cursor: DBAPICursor, values: _Values) -> _Result:
        given = {**self._given, **values}
        for name, process in self._bind.items():
            given[name] = process(given[name])
        cursor.execute(self._text, given if self._order is None else [given[name] for name in self._order])
        rows = cursor.fetchall()
        if self._read:
            rows = [self._values(row) for row in rows]
        return IteratorResult(self._names or self._named(cursor), iter(rows))

    def _values(self, row: Sequence[Any]) -> tuple[Any, ...]:
        values = list(row)
        for place, process in self._read.items():
            values[place] = process(values[place])
        return tuple(values)

    def _named(self, cursor: DBAPICursor) -> SimpleResultMetaData:
        names = [column[0] for column in cursor.description or ()]
        self._names = SimpleResultMetaData(names, extra=[(column,) for column in self._columns])
        return self._names


# By dialect, then by statement; None where a statement always goes SQLAlchemy's way.
_queries: defaultdict[str, WeakKeyDictionary[sa.Executable, _Query | None]] = defaultdict(WeakKeyDictionary)
_seen: WeakSet[sa.Executable] = WeakSet()


def _known(statement: sa.Executable, values: _Values, dialect: sa.Dialect) -> _Query | None:
    queries = _queries[dialect.name]
    with suppress(KeyError):
        return queries[statement]
    if statement not in _seen:
        _seen.add(statement)
        return None
    query = queries[statement] = _made(statement, values, dialect)
    return query


def _made(statement: sa.Executable, values: _Values, dialect: sa.Dialect) -> _Query | None:
    if isinstance(statement, sa.SelectBase):
        # What SQLAlchemy has against the values it says itself.
        with suppress(ValueError, sa.exc.SQLAlchemyError):
            return _Query(statement, values, dialect)
    return None
