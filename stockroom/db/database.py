"""Databases: connections and units of work, for threads and for an event loop."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

import sqlalchemy as sa

from stockroom.db.connections import DEADLINES, Connection, Deadlines, Usage
from stockroom.db.sqlite import Sqlite
from stockroom.db.tables import EPOCH, MILLISECOND
from stockroom.db.unit_of_work import Work

Clock = Callable[[], datetime]
T = TypeVar("T")


def utc_now() -> datetime:
    """The present in UTC, cut to the milliseconds that storage and wire hold."""
    return EPOCH + time.time_ns() // 1_000_000 * MILLISECOND


class Server(Protocol):
    """What a kind of database does in its own way."""

    name: str
    snapshot: str
    """How a transaction begins that sees one moment and holds up nobody who writes."""

    def connect(self) -> Connection: ...
    async def run(self, call: Callable[[], T]) -> T: ...
    def serve(self) -> None: ...
    async def close(self) -> None: ...
    def usage(self) -> Usage | None: ...
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

    def usage(self) -> Usage | None:
        """How many connections the running loop uses; None where they have no limit."""
        return self.server.usage()

    def dispose(self) -> None:
        """Close the connections of threads. Nobody may be using one."""
        self.server.dispose()


def open_database(
    url: str, *, connections: int, deadlines: Deadlines = DEADLINES, pooled: bool = False
) -> Database:
    """Open the database at `url` (SQLAlchemy form); nothing is read yet.

    At most `connections` are kept between uses; PostgreSQL is asked for no more, and who wants another waits.
    `pooled` says that a pooler stands before PostgreSQL, which gives a connection to one client's transaction
    after the other's.
    """
    if sa.make_url(url).get_backend_name() == "sqlite":
        return Database(url, Sqlite(url, connections=connections, lock=deadlines.lock))
    # Here, so that those who use SQLite do not load asyncpg.
    from stockroom.db.postgresql import Postgresql  # noqa: PLC0415 - see above

    return Database(url, Postgresql(url, most=connections, deadlines=deadlines, pooled=pooled))


# The database is away or overwhelmed; nothing of the request was done.
OUTAGES = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
