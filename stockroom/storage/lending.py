"""Connections that stay out of their pool between uses: to ask it each time takes half as long as a read."""

import time
from typing import Any

import sqlalchemy as sa

from stockroom import fibers
from stockroom.storage.prepared import Ask, prepared

IDLE = 5.0
"""Seconds that a connection may have been idle and is still taken for alive."""


class Liveness:
    """Tells which connections have to be asked whether they live: to ask each takes as long as a read does.

    Those are asked that were idle, and those that were there when another was gone or could not be made. So
    a database that goes away fails the requests under way and the next, which are told to come again.
    """

    def __init__(self) -> None:
        self._lost_at = 0.0

    def is_sure(self, used: float) -> bool:
        """Whether a connection that was used at this time, by the monotonic clock, is taken for alive."""
        return used > time.monotonic() - IDLE and used > self._lost_at

    def watch(self, engine: sa.Engine) -> None:
        @sa.event.listens_for(engine, "handle_error")
        def note_loss(context: sa.ExceptionContext) -> None:
            # Without a connection: none could be made.
            if context.is_disconnect or context.connection is None:
                self._lost_at = time.monotonic()


class Lending:
    """Lends connections of an engine; keeps some of those that come back whole, and lends the last first."""

    def __init__(self, engine: sa.Engine, liveness: Liveness, kind: "type[Lent]", most: int) -> None:
        self.engine = engine
        self._liveness = liveness
        self._kind = kind
        self._most = most
        self._kept: list[Lent] = []
        sa.event.listen(engine, "do_execute", _fail)

    def connect(self) -> "Lent":
        """A connection, which is to be closed after use. Raises what the engine raises."""
        while self._kept:
            connection = self._kept.pop()
            if self._liveness.is_sure(connection.used) or connection.lives():
                connection.kept = False
                return connection
        # A database that is out of reach is waited for, and SQLAlchemy's first connection has others block.
        return fibers.apart(lambda: self._kind(self))

    def take_back(self, connection: "Lent") -> bool:
        """Keep the connection, if there is room."""
        if len(self._kept) >= self._most:
            return False
        connection.kept, connection.used = True, time.monotonic()
        self._kept.append(connection)
        return True

    def dispose(self) -> None:
        """Give the connections that are kept back to the engine."""
        while self._kept:
            self._kept.pop().let_go()


class Lent(sa.Connection):
    """A connection that goes back to its lender when it is closed.

    Statements that come again go straight to the driver. What goes wrong there is told by SQLAlchemy, which
    knows all errors.
    """

    kept = False
    """Whether it is to be lent again, and so nobody's."""
    used = 0.0
    """When it came back, by the monotonic clock."""

    def __init__(self, lending: Lending) -> None:
        super().__init__(lending.engine)
        self._lending = lending
        self._ask: Ask | None = self.connection.driver_connection.ask  # type: ignore[union-attr]  # both have it

    def execute(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        ask, values = self._ask, {} if parameters is None else parameters
        query = None if execution_options else prepared(statement, values, self.dialect)
        if query is None or ask is None:
            return super().execute(statement, parameters, execution_options=execution_options)
        try:
            return query.result(ask, values)
        except self.dialect.loaded_dbapi.Error as error:
            return super().execute(statement, parameters, execution_options={_FAILED: error})
        except BaseException as error:
            # Broken off between question and answer.
            self.invalidate(error)
            raise

    def scalar(self, statement: Any, parameters: Any = None, *, execution_options: Any = None) -> Any:
        return self.execute(statement, parameters, execution_options=execution_options).scalar()

    def invalidate(self, exception: BaseException | None = None) -> None:
        # SQLAlchemy may go on with another connection, which has not been prepared for being lent.
        self._ask = None
        super().invalidate(exception)

    def close(self) -> None:
        if not self.kept and not (self.is_whole() and self._lending.take_back(self)):
            self.let_go()

    def let_go(self) -> None:
        """Close it for good."""
        super().close()

    def is_whole(self) -> bool:
        """Whether somebody else can use it as it is."""
        return self._ask is not None and not (self.closed or self.in_transaction())

    def lives(self) -> bool:
        """Ask the database; close the connection where it does not answer."""
        try:
            self.dialect.do_ping(self.connection.dbapi_connection)  # type: ignore[arg-type]  # it has one
        except self.dialect.loaded_dbapi.Error:
            self.invalidate()
            self.let_go()
            return False
        return True


class LentReader(Lent):
    """Runs each statement by itself (AUTOCOMMIT)."""

    def is_whole(self) -> bool:
        # SQLAlchemy believes in a transaction.
        return self._ask is not None and not self.closed


_FAILED = "failed"


def _fail(cursor: object, statement: str, parameters: object, context: sa.ExecutionContext) -> None:
    """Have SQLAlchemy meet the error that a statement has ended with already."""
    if error := context.execution_options.get(_FAILED):
        raise error
