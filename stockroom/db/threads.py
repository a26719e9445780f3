"""Connections of an event loop, for threads."""

import asyncio
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

import sqlalchemy as sa

from stockroom.db.connection_cache import CachedConnection
from stockroom.db.connections import NOTHING, Connection
from stockroom.db.statements import Row, Statement, Values


class ThreadConnection(Connection):
    """A connection for a thread: its statements are run on the loop that the connection belongs to."""

    def __init__(self, inner: CachedConnection, in_loop: Callable[[Callable[[], Any]], Any]) -> None:
        super().__init__(inner.dialect, inner.statements)
        self._inner = inner
        self._in_loop = in_loop

    def stream(
        self, statement: sa.Executable, values: Values = NOTHING, *, size: int
    ) -> Generator[list[Row]]:
        rows = self._inner.stream(statement, values, size=size)
        while part := self._in_loop(lambda: next(rows, None)):
            yield part

    def begin(self, begin: str = "BEGIN") -> None:
        self._in_loop(lambda: self._inner.begin(begin))
        self.in_transaction = True

    def commit(self) -> None:
        self._in_loop(self._inner.commit)
        self.in_transaction = False

    def rollback(self) -> None:
        self._in_loop(self._inner.rollback)
        self.in_transaction = False

    def close(self) -> None:
        self._in_loop(self._inner.close)

    def require_writable(self) -> None:
        self._in_loop(self._inner.require_writable)

    def ask(self, statement: Statement, text: str, parameters: Sequence[Any]) -> list[Row]:
        rows: list[Row] = self._in_loop(lambda: self._inner.ask(statement, text, parameters))
        return rows

    def command(self, text: str, parameters: Sequence[Any]) -> int:
        count: int = self._in_loop(lambda: self._inner.command(text, parameters))
        return count

    def command_many(self, text: str, sets: Sequence[Sequence[Any]]) -> None:
        self._in_loop(lambda: self._inner.command_many(text, sets))


class LoopThread:
    """An event loop in a thread of its own, begun when it is needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="database", daemon=True)
                self._thread.start()
            return self._loop

    def stop(self, last: Callable[[], Any]) -> None:
        """End it, after a `last` coroutine."""
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is None or self._thread is None:
                return
            asyncio.run_coroutine_threadsafe(last(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()
