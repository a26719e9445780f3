"""Databases: an engine for reads, an engine for writes, and the unit of work."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from stockroom.storage import sqlite
from stockroom.storage.lending import Lending, Lent, LentReader, Liveness
from stockroom.storage.tables import EPOCH, MILLISECOND

SPARE = 4
"""Connections that are not kept for the next request."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present in UTC, cut to the milliseconds that storage and wire hold."""
    return EPOCH + time.time_ns() // 1_000_000 * MILLISECOND


class Work:
    """A unit of work: one transaction, begun at first use, ended by whoever opened it.

    Reads before the first write must not hold SQLite's only write lock, hence the late beginning.
    """

    def __init__(self, engine: sa.Engine | Lending, now: datetime) -> None:
        self.now = now
        self._engine = engine
        self._connection: sa.Connection | None = None
        self._after_commit: list[Callable[[], None]] = []

    @property
    def connection(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.begin()
        return self._connection

    def after_commit(self, call: Callable[[], None]) -> None:
        """Have `call` run once what was written is durable; never if it is rolled back."""
        self._after_commit.append(call)

    def commit(self) -> None:
        if self._connection is not None:
            try:
                self._connection.commit()
            except BaseException as error:
                # SQLAlchemy takes the transaction for ended, and SQLite does not: nobody may use it again.
                self._connection.invalidate(error)
                self._close()
                raise
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


@dataclass(frozen=True)
class Database:
    """`reads` runs each statement by itself (AUTOCOMMIT); `writes` runs transactions."""

    reads: sa.Engine
    writes: sa.Engine
    clock: Clock = utc_now
    lent_reads: Lending | None = None
    lent_writes: Lending | None = None

    def reader(self) -> sa.Connection:
        """A connection for reading, to be closed after use. Raises what `reads` raises."""
        return (self.lent_reads or self.reads).connect()

    def work(self) -> Work:
        return Work(self.lent_writes or self.writes, self.clock())

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A connection that reads everything as it is at one moment. It holds up nobody who writes."""
        if self.reads.dialect.name == "sqlite":
            with self.reads.connect() as connection:
                # Deferred: it never asks for the write lock, and sees what its first statement saw.
                connection.exec_driver_sql("BEGIN")
                yield connection
            return
        with self.writes.connect().execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        ) as connection:
            yield connection

    def dispose(self) -> None:
        for connections in (self.lent_reads, self.lent_writes, self.reads, self.writes):
            if connections is not None:
                connections.dispose()


def open_database(url: str, *, connections: int) -> Database:
    """Open the database at `url` (SQLAlchemy form) for up to `connections` threads; nothing is read yet."""
    liveness = Liveness()
    if sa.make_url(url).get_backend_name() == "sqlite":
        reads, writes = sqlite.engines(url, connections)
    else:
        # Here, so that those who use SQLite do not load psycopg.
        from stockroom.storage import postgresql  # noqa: PLC0415 - see above

        reads, writes = postgresql.engines(url, connections, liveness)
    # Some are left to those who ask the engines.
    kept = max(connections - SPARE, 0)
    return Database(
        reads,
        writes,
        lent_reads=Lending(reads, liveness, LentReader, kept),
        lent_writes=Lending(writes, liveness, Lent, kept),
    )
