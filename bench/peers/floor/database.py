"""The floor's two ways to PostgreSQL: `rows` runs a statement, `transaction` gives the same within one."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import psycopg

URL = os.environ["DATABASE_URL"]
CONNECTIONS = 16
"""One for each client of the benchmark."""

Rows = Sequence[Sequence[Any]]
Run = Callable[..., Awaitable[Rows]]


class Psycopg:
    """One connection that the event loop waits for: it costs the least CPU time, and stalls all others."""

    Taken = psycopg.errors.UniqueViolation

    async def open(self) -> None:
        self._connection = psycopg.connect(URL, autocommit=True, cursor_factory=psycopg.RawCursor)

    async def rows(self, query: str, *values: Any) -> Rows:
        cursor = self._connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Run]:
        with self._connection.transaction():
            yield self.rows


class Asyncpg:
    """Connections that are taken in turn, the one used last first; nothing is reset between two uses."""

    Taken = asyncpg.UniqueViolationError

    async def open(self) -> None:
        self._free = asyncio.LifoQueue[asyncpg.Connection]()
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await asyncpg.connect(URL))

    async def rows(self, query: str, *values: Any) -> Rows:
        connection = await self._free.get()
        try:
            return await connection.fetch(query, *values)
        finally:
            self._free.put_nowait(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Run]:
        connection = await self._free.get()
        try:
            async with connection.transaction():
                yield connection.fetch
        finally:
            self._free.put_nowait(connection)


database = {"psycopg": Psycopg, "asyncpg": Asyncpg}[os.environ["DRIVER"]]()
