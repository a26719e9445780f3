"""The unit of work: one transaction, and what is to happen after its commit."""

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.disk_full import DiskFull
from stockroom.db.statements import Values


class Work:
    """A unit of work: one transaction, begun at first use, ended by whoever opened it.

    Reads before the first write must not hold SQLite's only write lock, hence the late beginning.
    """

    def __init__(self, connect: Callable[[], Connection], now: datetime, *, joined: bool = True) -> None:
        """`joined` says that a statement of an action may have company in its transaction."""
        self.now = now
        self._joined = joined
        self._is_over = False
        self._connect = connect
        self._connection: Connection | None = None
        self._after_commit: list[Callable[[], None]] = []
        self._after_rollback: list[Callable[[], None]] = []

    @property
    def connection(self) -> Connection:
        """The connection, in the transaction."""
        connection = self._opened()
        if not connection.in_transaction:
            if self._is_over:
                raise RuntimeError("something was committed already that was said to be alone")
            connection.begin()
        return connection

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._opened().dialect.name

    def alone(self, statement: sa.Executable, values: Values) -> Any:
        """The first value that the only statement of this work finds; None where it finds nothing.

        The statement commits by itself, which saves the round trips of BEGIN and COMMIT, unless something
        is `joined` to it.
        """
        if self._joined:
            return self.connection.scalar(statement, values)
        self._is_over = True
        return self._opened().scalar(statement, values)

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have `call` run once what was written is durable; never if it is rolled back."""
        self._after_commit.append(call)

    def after_rollback(self, call: Callable[[], None]) -> None:
        """Have `call` run if what was written is not kept; where nobody can tell, it is not run."""
        self._after_rollback.append(call)

    def commit(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.commit()
        except DiskFull:
            self._undo()
            raise
        except BaseException:
            self._after_rollback.clear()
            raise
        finally:
            self._close()
        calls, self._after_commit, self._after_rollback = self._after_commit, [], []
        for call in calls:
            call()

    def rollback(self) -> None:
        self._after_commit.clear()
        self._close()
        if self._after_rollback:
            self._undo()

    def _undo(self) -> None:
        calls, self._after_rollback = self._after_rollback, []
        for call in calls:
            call()

    def _close(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.commit()
        else:
            self.rollback()
