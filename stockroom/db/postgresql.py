"""PostgreSQL, through SQLAlchemy's asyncio extension and asyncpg.

Plain functions wait for it on an event loop: SQLAlchemy runs each in a greenlet, which is set aside while it
waits. Threads have their statements run on such a loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any, NamedTuple, TypeVar

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from stockroom.db.connection_cache import CachedConnection, ConnectionCache
from stockroom.db.connection_limit import LimitedCache
from stockroom.db.connections import NOTHING, Connection, Deadlines, Usage
from stockroom.db.greenlets import Greenlets
from stockroom.db.postgresql_errors import ERRORS, ends_connection, translated
from stockroom.db.read_only import ReadOnly
from stockroom.db.statements import Row, Statement, Statements, Values
from stockroom.db.threads import LoopThread, ThreadConnection

CONNECT_SECONDS = 10

T = TypeVar("T")


class _Loop(NamedTuple):
    """What belongs to one event loop."""

    greenlets: Greenlets
    cache: LimitedCache


class Postgresql:
    """Connections to one database, for plain functions on event loops and for threads."""

    name = "postgresql"
    # It holds up nobody, and files are written meanwhile.
    snapshot = (
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0"
    )

    def __init__(self, url: str, *, most: int, deadlines: Deadlines, pooled: bool) -> None:
        """A loop has at most so many connections. A pooler gives the same connection to one client's
        transaction after another's, so that nothing may be prepared there.
        """
        self._engine = _engine(url, deadlines, pooled=pooled)
        self._statements = Statements(self._engine.dialect)
        self._pooled = pooled
        # It never opens a connection of its own.
        self._session = AsyncSession(self._engine)
        self._most = most
        self._deadlines = deadlines
        self._loops: dict[asyncio.AbstractEventLoop, _Loop] = {}
        self._serving: asyncio.AbstractEventLoop | None = None
        self._thread = LoopThread()

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises. It may `connect` and wait for the database while others run."""
        return await self._here().greenlets.run(call)

    def connect(self) -> Connection:
        """A connection of the running loop, for a call that is `run` there, or one for this thread."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return ThreadConnection(self.in_loop(self._take), self.in_loop)
        return self._take()

    def in_loop(self, call: Callable[[], T]) -> T:
        """Wait, in a thread, for what `call` returns or raises on an event loop."""
        loop = self._serving or self._thread.loop()
        return asyncio.run_coroutine_threadsafe(self.run(call), loop).result()

    def serve(self) -> None:
        """Have threads use the running loop from now on, and its connections."""
        self._serving = asyncio.get_running_loop()

    async def close(self) -> None:
        """Close the connections that the running loop keeps."""
        loop = asyncio.get_running_loop()
        if self._serving is loop:
            self._serving = None
        here = self._loops.get(loop)
        if here is not None:
            for connection in here.cache.empty():
                await here.greenlets.run(connection.let_go)
            await here.greenlets.close()
            del self._loops[loop]

    def usage(self) -> Usage | None:
        """Of the running loop, if it has any connections."""
        here = self._loops.get(asyncio.get_running_loop())
        return here and here.cache.usage()

    def dispose(self) -> None:
        """Close the connections that threads have used. Nobody may be using one."""
        self._thread.stop(self.close)

    def _here(self) -> "_Loop":
        """What belongs to the running loop."""
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None:
            deadlines = self._deadlines
            cache = LimitedCache(self._most, seconds=deadlines.connection, patience=deadlines.turn)
            here = self._loops[loop] = _Loop(Greenlets(self._session), cache)
        return here

    def _take(self) -> CachedConnection:
        cache = self._here().cache
        return cache.lend(lambda: self._opened(cache))

    def _opened(self, cache: ConnectionCache) -> CachedConnection:
        try:
            pooled = self._engine.sync_engine.raw_connection()
        except (*ERRORS, self._engine.dialect.loaded_dbapi.Error) as error:
            # Whatever it is that the server says, there is no connection. SQLAlchemy wraps the error.
            told = error.__cause__ if isinstance(error.__cause__, ERRORS) else error
            raise sa.exc.OperationalError("", None, told, hide_parameters=True) from error
        return _Connection(cache, pooled, self._engine.dialect, self._statements, shared=self._pooled)


class _Connection(CachedConnection):
    """A connection for functions that are `run` on the loop it belongs to."""

    def __init__(
        self,
        cache: ConnectionCache,
        pooled: sa.PoolProxiedConnection,
        dialect: sa.Dialect,
        statements: Statements,
        *,
        shared: bool,
    ) -> None:
        super().__init__(cache, dialect, statements)
        self._pooled = pooled
        self._adapted: Any = pooled.dbapi_connection
        self._driver: asyncpg.Connection[Any] = pooled.driver_connection
        self._shared = shared

    def is_alive(self) -> bool:
        # The loop notices when the other side has closed.
        return not (self._broken or self._driver.is_closed())

    def stream(
        self, statement: sa.Executable, values: Values = NOTHING, *, size: int
    ) -> Generator[list[Row]]:
        compiled = self.statements.get(statement, values)
        text, parameters = compiled.bound(values)
        cursor = self._driven(text, lambda driver: driver.cursor(text, *parameters))
        while records := self._driven(text, lambda _: cursor.fetch(size)):
            yield compiled.rows(records, records[0].keys)

    def require_writable(self) -> None:
        # Also of a server that recovers or follows another, whatever is configured.
        if self.scalar(_READ_ONLY) == "on":
            self.cache.renew()
            raise ReadOnly("transactions of this server or database are read-only")

    def let_go(self) -> None:
        if self.is_alive():
            self._pooled.close()
        else:
            # Nobody is there to say goodbye to.
            self._driver.terminate()
            self._pooled.invalidate()

    def ask(self, statement: Statement, text: str, parameters: Sequence[Any]) -> list[Row]:
        records = self._driven(text, lambda driver: driver.fetch(text, *parameters))
        return statement.rows(records, lambda: list(records[0].keys()) if records else [])

    def command(self, text: str, parameters: Sequence[Any]) -> int:
        status = self._driven(text, lambda driver: driver.execute(text, *parameters))
        # The last word of a command's tag is the number of rows, where it has one.
        count: str = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else -1

    def command_many(self, text: str, sets: Sequence[Sequence[Any]]) -> None:
        self._driven(text, lambda driver: driver.executemany(text, sets))

    def _driven(self, text: str, question: Callable[[Any], Awaitable[Any]]) -> Any:
        try:
            if self.in_transaction or not self._shared:
                return self._adapted.run_async(question)
            return self._adapted.run_async(lambda driver: _in_transaction(driver, question))
        except asyncpg.PostgresError as error:
            self._broken = ends_connection(error)
            if isinstance(told := translated(error, text), ReadOnly):
                self.cache.renew()
            raise told from error
        except ERRORS as error:
            self._broken = True
            raise translated(error, text) from error
        except BaseException:
            # Broken off: what the server says next is no answer to the next statement.
            self._broken = True
            raise


_READ_ONLY = sa.text("SELECT current_setting('transaction_read_only')")


async def _in_transaction(driver: Any, question: Callable[[Any], Awaitable[T]]) -> T:
    """A pooler keeps to one connection for a transaction only, and a statement takes two messages."""
    async with driver.transaction():
        return await question(driver)


def _engine(url: str, deadlines: Deadlines, *, pooled: bool) -> AsyncEngine:
    connect: dict[str, Any] = {"timeout": CONNECT_SECONDS, "command_timeout": deadlines.statement}
    if pooled:
        # A pooler does not know the settings below; they are those of the role or the database there.
        connect["statement_cache_size"] = 0
    else:
        # Compiling a statement takes a tenth of a second, and no request's statement runs that long.
        connect["server_settings"] = {
            "application_name": "stockroom",
            "jit": "off",
            "lock_timeout": str(round(deadlines.lock * 1000)),
            # asyncpg asks the server to cancel what takes too long, unless the connection is closed.
            "statement_timeout": str(round(deadlines.statement * 1000)),
            # A process that is frozen would keep its locks for ever.
            "idle_in_transaction_session_timeout": str(round(deadlines.idle * 1000)),
        }
    return create_async_engine(
        url,
        # Transactions are begun and ended by statements; connections that are kept are not asked for.
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
        pool_reset_on_return=None,
        # What people stored, password hashes too, has no place in the log lines of errors.
        hide_parameters=True,
        json_serializer=_json,
        connect_args=connect,
    )


def _json(value: object) -> str:
    # As the standard library has it: named tuples are lists, and names of columns, which are a kind of `str`,
    # may be those of members.
    return orjson.dumps(value, default=list, option=orjson.OPT_NON_STR_KEYS).decode()
