"""SQLite, for threads: each that asks gets a connection of its own, kept for the next."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from stockroom.db.connection_cache import CachedConnection, ConnectionCache
from stockroom.db.connections import NOTHING, Connection
from stockroom.db.damage import Damaged
from stockroom.db.disk_full import DiskFull
from stockroom.db.read_only import ReadOnly, unwritable
from stockroom.db.statements import Row, Statement, Statements, Values

KEPT_SECONDS = 3600.0

T = TypeVar("T")


class Sqlite:
    """Connections to one file."""

    name = "sqlite"
    # Deferred: it never asks for the write lock, and sees what its first statement saw.
    snapshot = "BEGIN"

    def __init__(self, url: str, *, connections: int, lock: float) -> None:
        """At most `connections` wait to be used again; whoever asks for another gets a new one.

        A statement waits `lock` seconds for another process's or thread's transaction to end.
        """
        self._connections = connections
        # With an isolation level Python's sqlite3 would begin transactions by itself, deferred.
        connect = {"timeout": lock, "isolation_level": None}
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=connect)
        sa.event.listen(self._engine, "connect", _prepare)
        self._statements = Statements(self._engine.dialect)
        self._cache = self._new_cache()

    def connect(self) -> Connection:
        return self._cache.take() or self._opened()

    def _opened(self) -> Connection:
        create_private(self._engine.url)
        try:
            pooled = self._engine.raw_connection()
        except sqlite3.Error as error:
            raise _translated(error, "") from error
        return _Connection(self._cache, pooled, self._engine, self._statements)

    async def run(self, call: Callable[[], T]) -> T:
        return await asyncio.to_thread(call)

    def serve(self) -> None:
        """Threads need no loop."""

    async def close(self) -> None:
        """No connection is a loop's."""

    def usage(self) -> None:
        """Nobody waits for a connection: whoever asks gets one."""

    def dispose(self) -> None:
        emptied, self._cache = self._cache, self._new_cache()
        for connection in emptied.empty():
            connection.let_go()
        self._engine.dispose()

    def _new_cache(self) -> ConnectionCache:
        return ConnectionCache(self._connections, KEPT_SECONDS)


class _Connection(CachedConnection):
    """A connection of whichever thread holds it."""

    def __init__(
        self,
        cache: ConnectionCache,
        pooled: sa.PoolProxiedConnection,
        engine: sa.Engine,
        statements: Statements,
    ) -> None:
        super().__init__(cache, engine.dialect, statements)
        self._pooled = pooled
        url = engine.url
        self._files = [*files_of(url), files_of(url)[0].parent]
        # SQLite then opens it for reading, and would not notice when that ends: it is not kept.
        self._broken = unwritable(self._files) is not None
        self.driver: sqlite3.Connection = pooled.driver_connection  # type: ignore[assignment]  # it is one

    def begin(self, begin: str = "BEGIN IMMEDIATE") -> None:
        # A deferred one that turns into a writer fails at once when another has written; these queue up.
        super().begin(begin)

    def stream(
        self, statement: sa.Executable, values: Values = NOTHING, *, size: int
    ) -> Generator[list[Row]]:
        compiled = self.statements.get(statement, values)
        text, parameters = compiled.bound(values)
        try:
            with closing(self.driver.execute(text, parameters)) as cursor:
                while records := cursor.fetchmany(size):
                    yield compiled.rows(records, lambda: _names(cursor))
        except sqlite3.Error as error:
            raise self._translated(error, text) from error

    def require_writable(self) -> None:
        if path := unwritable(self._files):
            raise ReadOnly(f"{path} cannot be written")

    def let_go(self) -> None:
        if not self.is_alive():
            self._pooled.invalidate()
        self._pooled.close()

    def rollback(self) -> None:
        # A commit that fails leaves the transaction open, unless it was for want of room.
        if self.driver.in_transaction:
            super().rollback()
        self.in_transaction = False

    def ask(self, statement: Statement, text: str, parameters: Sequence[Any]) -> list[Row]:
        try:
            cursor = self.driver.execute(text, parameters)
            return statement.rows(cursor.fetchall(), lambda: _names(cursor))
        except sqlite3.Error as error:
            raise self._translated(error, text) from error

    def command(self, text: str, parameters: Sequence[Any]) -> int:
        try:
            return self.driver.execute(text, parameters).rowcount
        except sqlite3.Error as error:
            raise self._translated(error, text) from error

    def command_many(self, text: str, sets: Sequence[Sequence[Any]]) -> None:
        try:
            self.driver.executemany(text, sets)
        except sqlite3.Error as error:
            raise self._translated(error, text) from error

    def _translated(self, error: sqlite3.Error, text: str) -> sa.exc.DBAPIError:
        told = _translated(error, text)
        if type(told) is sa.exc.OperationalError and unwritable(self._files):
            # A file system that becomes read-only fails writes to open files in other ways.
            told = ReadOnly(error, text)
        self._broken = self._broken or isinstance(told, ReadOnly)
        return told


def copy(connection: Connection, path: Path) -> None:
    """Write what a connection's transaction sees into an empty file, whatever others write meanwhile."""
    if not isinstance(connection, _Connection):
        raise TypeError("this is no connection to SQLite")
    try:
        with closing(sqlite3.connect(path)) as target:
            connection.driver.backup(target)
            # The copy is one file, which can be read where nothing may be written.
            target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise _translated(error, "") from error


def _names(cursor: sqlite3.Cursor) -> list[str]:
    return [column[0] for column in cursor.description or ()]


_KINDS: dict[type[sqlite3.Error], type[sa.exc.DBAPIError]] = {
    sqlite3.IntegrityError: sa.exc.IntegrityError,
    sqlite3.OperationalError: sa.exc.OperationalError,
    sqlite3.InterfaceError: sa.exc.InterfaceError,
    sqlite3.DataError: sa.exc.DataError,
}


# The file, or the index of its WAL, cannot grow.
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
# The part of a code that says what happened; the rest says where.
_PRIMARY = 0xFF


def _translated(error: sqlite3.Error, text: str) -> sa.exc.DBAPIError:
    kind = _KINDS.get(type(error), sa.exc.DatabaseError)
    # The module's own errors have no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _FULL:
        kind = DiskFull
    elif code & _PRIMARY == sqlite3.SQLITE_READONLY:
        return ReadOnly(error, text)
    elif code & _PRIMARY in _DAMAGED:
        kind = Damaged
    return kind(text, None, error, hide_parameters=True)


def files_of(url: sa.URL) -> list[Path]:
    """The database, and what SQLite keeps beside it while it is in use, with the same mode."""
    return [Path(f"{url.database}{suffix}") for suffix in ("", "-wal", "-shm", "-journal")]


def create_private(url: sa.URL) -> None:
    """Make the file where there is none, for its owner alone; SQLite would let all read it.

    What keeps it from being made is told by SQLite when it is opened.
    """
    with suppress(OSError):
        descriptor = os.open(files_of(url)[0], os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            # The umask may have taken something away from its owner.
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    # The file remembers this; changing it does not wait for a process that is changing it just now.
    for _ in range(100):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _LOCKED:
                raise
        else:
            return
        time.sleep(0.05)
    raise TimeoutError("the database stays locked while its journal is to become a WAL")


_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_LOCKED})
