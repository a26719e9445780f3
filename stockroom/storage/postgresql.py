"""Engines for PostgreSQL, through psycopg."""

import asyncio
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import orjson
import psycopg
import sqlalchemy as sa
from psycopg import abc
from psycopg.abc import PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from stockroom import fibers
from stockroom.storage.lending import Liveness
from stockroom.storage.prepared import Rows

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
    # As the standard library has it: named tuples are lists, and names of columns, which are a kind of `str`,
    # may be those of members.
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
    """Runs prepared statements, and waits for the server as whoever uses it can: in a thread by blocking it,
    in a fiber by leaving it.
    """

    def __init__(self, pgconn: PGconn, *arguments: Any, **options: Any) -> None:
        super().__init__(pgconn, *arguments, **options)
        self._prepared_as: dict[bytes, bytes] = {}
        # psycopg would have all of it deallocated after a rollback or a change of tables, lest it names one
        # that is gone. Only migrations change tables, on a connection that ends with them.
        self._prepared.clear = lambda: False  # type: ignore[method-assign]  # for this connection alone

    @cached_property
    def _forms(self) -> abc.Transformer:
        # Not before all is there: how the engine writes JSON is told to a connection that has been made.
        return Transformer(self)

    def ask(self, statement: bytes, values: Sequence[Any]) -> Rows:
        """The rows of a statement whose parameters are numbered; it is prepared when it comes for the first
        time. A cursor does the same in six times as many steps. Raises psycopg.Error.
        """
        return self.wait(self._asking(statement, values))

    def _asking(self, statement: bytes, values: Sequence[Any]) -> PQGen[Rows]:
        yield from self._start_query()
        name = self._prepared_as.get(statement)
        if name is None:
            name = yield from self._preparing(statement)
        given = self._forms.dump_sequence(values, [PyFormat.TEXT] * len(values))
        self.pgconn.send_query_prepared(name, given, result_format=Format.BINARY)
        result = yield from self._answering()
        self._forms.set_pgresult(result)
        return self._forms.load_rows(0, result.ntuples, tuple)

    def _preparing(self, statement: bytes) -> PQGen[bytes]:
        name = b"s%d" % len(self._prepared_as)
        self.pgconn.send_prepare(name, statement)
        yield from self._answering()
        self._prepared_as[statement] = name
        return name

    def _answering(self) -> PQGen[PGresult]:
        result: PGresult = (yield from execute(self.pgconn))[-1]
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)
        return result

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
                    fibers.wait_for(fibers.readable(self.pgconn.socket))
                    wanted = gen.send(Ready.R)
        except StopIteration as end:
            result: T = end.value
            return result
