"""Databases, and the unit of work."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

import sqlalchemy as sa

from stockroom.storage.connections import DEADLINES, Connection, Deadlines
from stockroom.storage.sqlite import Sqlite
from stockroom.storage.statements import Values
from stockroom.storage.tables import EPOCH, MILLISECOND

Clock = Callable[[], datetime]
T = TypeVar("T")


def utc_now() -> datetime:
    """The present in UTC, cut to the milliseconds that storage and wire hold."""
    return EPOCH + time.time_ns() // 1_000_000 * MILLISECOND


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

    def commit(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.commit()
        finally:
            self._close()
        calls, self._after_commit = self._after_commit, []
        for call in calls:
            call()

    def rollback(self) -> None:
        self._after_commit.clear()
        self._close()

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


class Server(Protocol):
    """What a kind of database does in its own way."""

    name: str
    snapshot: str
    """How a transaction begins that sees one moment and holds up nobody who writes."""

    def connect(self) -> Connection: ...
    async def run(self, call: Callable[[], T]) -> T: ...
    def serve(self) -> None: ...
    async def close(self) -> None: ...
    def dispose(self) -> None: ...


@dataclass(frozen=True)
class Database:
    """A database, for threads and for plain functions that are `run` on an event loop."""

    url: str
    server: Server
    clock: Clock = utc_now

    @property
    def name(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.server.name

    def connect(self) -> Connection:
        """A connection, to be closed after use, that runs each statement by itself.

        Raises OperationalError where the database is away.
        """
        return self.server.connect()

    def work(self, *, joined: bool = True) -> Work:
        return Work(self.connect, self.clock(), joined=joined)

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A connection that reads everything as it is at one moment."""
        with self.connect() as connection:
            connection.begin(self.server.snapshot)
            yield connection

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises; others run while it waits for the database, and for nothing else."""
        return await self.server.run(call)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Be of use to the running loop, and to threads by way of it; close its connections in the end."""
        self.server.serve()
        try:
            yield
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the connections of the running loop that nobody uses."""
        await self.server.close()

    def dispose(self) -> None:
        """Close the connections of threads. Nobody may be using one."""
        self.server.dispose()


def open_database(
    url: str, *, connections: int, deadlines: Deadlines = DEADLINES, pooled: bool = False
) -> Database:
    """Open the database at `url` (SQLAlchemy form); nothing is read yet.

    SQLite has up to `connections` at once; of PostgreSQL's so many are kept between uses. `pooled` says that
    a pooler stands before PostgreSQL, which gives a connection to one client's transaction after the other's.
    """
    if sa.make_url(url).get_backend_name() == "sqlite":
        return Database(url, Sqlite(url, connections=connections))
    # Here, so that those who use SQLite do not load asyncpg.
    from stockroom.storage.postgresql import Postgresql  # noqa: PLC0415 - see above

    return Database(url, Postgresql(url, kept=connections, deadlines=deadlines, pooled=pooled))
