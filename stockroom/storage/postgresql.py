"""Engines for PostgreSQL, through psycopg."""

import time
from collections.abc import Sequence
from typing import Any, overload

import orjson
import psycopg
import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

IDLE = 5.0
"""Seconds that a connection may have been idle and is still taken for alive."""

_USED = "used"


def engines(url: str, connections: int) -> tuple[sa.Engine, sa.Engine]:
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
    liveness = _Liveness()
    for engine in (reads, writes):
        sa.event.listen(engine, "connect", _prepare)
        liveness.watch(engine)
    return reads, writes


def _prepare(connection: psycopg.Connection[Any], record: object) -> None:
    # Compiling a statement takes a tenth of a second, and no request's statement runs that long.
    connection.execute("SET jit = off")
    connection.commit()


def _json(value: object) -> str:
    # As the standard library has it: named tuples are lists, and the names of members may be numbers.
    return orjson.dumps(value, default=list, option=orjson.OPT_NON_STR_KEYS).decode()


class _Liveness:
    """Has connections replaced that are gone. To ask each at every use would take as long as a read does.

    Those are asked that were idle, and those that were there when another was gone or could not be made. So
    a database that goes away fails the requests under way and the next, which are told to come again.
    """

    def __init__(self) -> None:
        self._lost_at = 0.0

    def watch(self, engine: sa.Engine) -> None:
        @sa.event.listens_for(engine, "connect")
        @sa.event.listens_for(engine, "checkin")
        def note_use(connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
            record.info[_USED] = time.monotonic()

        @sa.event.listens_for(engine, "checkout")
        def require_alive(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
            used = record.info[_USED]
            if used > time.monotonic() - IDLE and used > self._lost_at:
                return
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise sa.exc.DisconnectionError from error

        @sa.event.listens_for(engine, "handle_error")
        def note_loss(context: sa.ExceptionContext) -> None:
            # Without a connection: none could be made.
            if context.is_disconnect or context.connection is None:
                self._lost_at = time.monotonic()


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
