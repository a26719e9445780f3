"""Engines for SQLite."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from stockroom.storage.prepared import Rows


def engines(url: str, connections: int) -> tuple[sa.Engine, sa.Engine]:
    """The engines for reads and for writes."""
    reads = _engine(url, connections)
    writes = _engine(url, connections)
    # A deferred transaction that turns into a writer fails at once when another has written; these queue up.
    sa.event.listen(writes, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return reads, writes


def _engine(url: str, connections: int) -> sa.Engine:
    # No isolation level: Python's sqlite3 would begin transactions by itself, deferred.
    connect = {"timeout": 30, "isolation_level": None, "factory": _Connection}
    engine = sa.create_engine(
        url, pool_size=connections, max_overflow=0, connect_args=connect, hide_parameters=True
    )
    sa.event.listen(engine, "connect", _prepare)
    return engine


class _Connection(sqlite3.Connection):
    def ask(self, statement: str, values: Sequence[Any]) -> Rows:
        """The rows of a statement. Raises sqlite3.Error."""
        return self.execute(statement, values).fetchall()


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    _use_wal(connection)


def _use_wal(connection: sqlite3.Connection) -> None:
    # The file remembers this; changing it does not wait for a process that is changing it just now.
    for _ in range(100):
        with suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode=WAL")
            return
        time.sleep(0.05)
    raise TimeoutError("the database stays locked while its journal is to become a WAL")
