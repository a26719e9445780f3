"""Engines for PostgreSQL, through psycopg."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, TypeVar, overload

import orjson
import psycopg
import sqlalchemy as sa
from psycopg.abc import PQGen
from psycopg.pq.abc import PGconn
from psycopg.waiting import Ready
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from stockroom import fibers
from stockroom.storage.lending import Liveness

_USED = "used"

T = TypeVar("T")


def engines(url: str, connections: int, liveness: Liveness) -> tuple[sa.Engine, sa.Engine]:
    """The engines for reads, which run each statement by itself, and for writes."""
    # What people stored, password hashes too, has no place in the log lines of errors: `hide_parameters`.
    options = {
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": 10,
        "hide_parameters": True,
        "json_serializer": _json,
        "connect_args": {"cursor_factory": _Cursor},
    }
    reads = sa.create_engine(url, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, **options)
    writes = sa.create_engine(url, **options)
    for engine in (reads, writes):
        sa.event.listen(engine, "do_connect", _connect)
        sa.event.listen(engine, "connect", _prepare)
        liveness.watch(engine)
        _ask_when_checked_out(engine, liveness)
    return reads, writes


def _connect(
    dialect: sa.Dialect, record: object, arguments: Sequence[Any], options: dict[str, Any]
) -> psycopg.Connection[Any]:
    return _Connection.connect(*arguments, **options)


def _prepare(connection: psycopg.Connection[Any], record: object) -> None:
    # Compiling a statement takes a tenth of a second, and no request's statement runs that long.
    connection.execute("SET jit = off")
    connection.commit()


def _json(value: object) -> str:
    # As the standard library has it: named tuples are lists, and the names of members may be numbers.
    return orjson.dumps(value, default=list, option=orjson.OPT_NON_STR_KEYS).decode()


def _ask_when_checked_out(engine: sa.Engine, liveness: Liveness) -> None:
    @sa.event.listens_for(engine, "connect")
    @sa.event.listens_for(engine, "checkin")
    def note_use(connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_USED] = time.monotonic()

    @sa.event.listens_for(engine, "checkout")
    def require_alive(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        if liveness.is_sure(record.info[_USED]):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise sa.exc.DisconnectionError from error


class _Connection(psycopg.Connection[Any]):
    """Waits for the server as whoever uses it can: in a thread by blocking it, in a fiber by leaving it."""

    def __init__(self, pgconn: PGconn, *arguments: Any, **options: Any) -> None:
        super().__init__(pgconn, *arguments, **options)
        self._readable = fibers.Readable()

    def close(self) -> None:
        super().close()
        self._readable.close()

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        if timeout is not None or not fibers.in_fiber():
            return super().wait(gen, interval, timeout)
        try:
            return self._wait_in_fiber(gen)
        except asyncio.CancelledError:
            # Whatever the server was about is not to be taken for the answer to the next statement.
            self.pgconn.finish()
            raise

    def _wait_in_fiber(self, gen: PQGen[T]) -> T:
        try:
            wanted = next(gen)
            while True:
                # A statement that does not fit into the socket is written out before anything is read.
                if wanted & Ready.W:
                    fibers.wait_for(fibers.writable(self.pgconn.socket))
                    wanted = gen.send(Ready.W)
                else:
                    fibers.wait_for(self._readable.wait(self.pgconn.socket))
                    wanted = gen.send(Ready.R)
        except StopIteration as end:
            result: T = end.value
            return result


class _Cursor(psycopg.Cursor[Any]):
    """Describes its columns to those who look. SQLAlchemy knows them from the statement that it compiled, and
    asks whether there are any: to make the descriptions takes as long as to read the row.
    """

    @property
    def description(self) -> "Sequence[psycopg.Column] | None":  # type: ignore[override]  # a list that is made later
        return _Columns(self) if self.pgresult and self.pgresult.nfields else super().description


class _Columns(Sequence[psycopg.Column]):
    """A cursor's description, made at first sight."""

    def __init__(self, cursor: _Cursor) -> None:
        self._cursor = cursor
        self._made: list[psycopg.Column] | None = None

    def __len__(self) -> int:
        return len(self._columns())

    def __bool__(self) -> bool:
        return True

    @overload
    def __getitem__(self, index: int) -> psycopg.Column: ...
    @overload
    def __getitem__(self, index: slice) -> list[psycopg.Column]: ...
    def __getitem__(self, index: int | slice) -> psycopg.Column | list[psycopg.Column]:
        return self._columns()[index]

    def _columns(self) -> list[psycopg.Column]:
        if self._made is None:
            self._made = psycopg.Cursor.description.fget(self._cursor) or []  # type: ignore[attr-defined]
        return self._made
