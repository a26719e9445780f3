"""The databases of the benchmark: one with Stockroom's tables, one with the peers', the same rows in both.

They are made for a run and dropped after it. `BENCH_POSTGRESQL_URL` names a database of a superuser from
which they can be made.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bench import generate, processes
from stockroom.db import migrate

SERVER = os.environ.get("BENCH_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1/postgres")
ITEMS = 10_000
PATIENCE = 15.0
"""Seconds that a server has to finish what it has begun."""

_SCHEMA = Path(__file__).parent / "peers" / "schema.sql"
# What the works change, those that are referred to first.
_CHANGED = ("items", "item_tags", "levels", "movements", "movement_lines")
_TIMES = frozenset({"created_at", "updated_at", "occurred_at"})


@contextmanager
def stockroom_database(sizes: generate.Sizes) -> Iterator[str]:
    """URL of a database of Stockroom's own, filled, for as long as the context lasts."""
    with _new("stockroom") as url:
        migrate.upgrade(url.replace("postgresql:", "postgresql+asyncpg:", 1))
        generate.fill(url, sizes)
        yield url


@contextmanager
def both() -> Iterator[dict[str, str]]:
    """URLs of both databases by the name that `Server.database` uses."""
    # So much of everything that no measurement can use it up.
    sizes = generate.Sizes(items=ITEMS, movements=5 * ITEMS, opening=1_000_000_000)
    with stockroom_database(sizes) as stockroom, _new("peers") as peers:
        _copy(stockroom, peers)
        for url in (stockroom, peers):
            _remember(url)
        yield {"stockroom": stockroom, "peers": peers}


def reset(url: str) -> None:
    """Bring what the works change back to how it was, under a server that has nothing more to do."""
    with psycopg.connect(url, autocommit=True) as connection:
        _wait_until_idle(connection)
        with connection.transaction():
            # Without triggers, for those that keep the ledger from being emptied.
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(f"TRUNCATE {', '.join(_CHANGED)} CASCADE")
            for table in _CHANGED:
                connection.execute(f"INSERT INTO {table} SELECT * FROM remembered.{table}")
            # Stockroom's tallies are those of the rows that are there again.
            if connection.execute("SELECT to_regclass('untallied')").fetchone() != (None,):
                connection.execute("TRUNCATE untallied, additions")
        connection.execute(f"VACUUM (ANALYZE) {', '.join(_CHANGED)}")


def _wait_until_idle(connection: psycopg.Connection[Any]) -> None:
    """Let a server finish what wrk has not waited for: a table that is emptied meanwhile makes a deadlock."""
    busy = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'
    """
    until = time.monotonic() + PATIENCE
    while connection.execute(busy).fetchone() != (0,) and time.monotonic() < until:
        time.sleep(0.05)


def on_hand(url: str) -> int:
    """Everything on hand."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT sum(on_hand) FROM levels").fetchone()
    return int(row[0]) if row else 0


def version() -> str:
    """The version of the PostgreSQL server. Raises psycopg.OperationalError if there is none."""
    with psycopg.connect(SERVER, connect_timeout=5) as connection:
        number = connection.info.server_version
    return f"{number // 10_000}.{number % 10_000}"


def is_on_this_machine() -> bool:
    """Whether the processes of the PostgreSQL server are among those that are seen here."""
    with psycopg.connect(SERVER, connect_timeout=5) as connection:
        return processes.name(connection.info.backend_pid) == "postgres"


@contextmanager
def _new(purpose: str) -> Iterator[str]:
    name = f"bench_{purpose}_{os.getpid()}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(SERVER, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _copy(source: str, target: str) -> None:
    """Make the peers' tables and fill them with the rows of Stockroom's."""
    with psycopg.connect(source) as reader, psycopg.connect(target) as writer:
        writer.execute(_SCHEMA.read_text())
        writer.execute("SET LOCAL session_replication_role = replica")
        for table in ("users", "locations", *_CHANGED):
            columns = [row[0] for row in writer.execute(_COLUMNS, (table,))]
            read = ", ".join(f"to_timestamp({c} / 1000.0)" if c in _TIMES else c for c in columns)
            with (
                reader.cursor().copy(f"COPY (SELECT {read} FROM {table}) TO STDOUT") as rows,
                writer.cursor().copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy,
            ):
                for chunk in rows:
                    copy.write(chunk)
            if "id" in columns:
                generate.go_on_with_ids(writer, table)


_COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_name = %s AND table_schema = current_schema() ORDER BY ordinal_position
"""


def _remember(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA remembered")
        for table in _CHANGED:
            connection.execute(f"CREATE TABLE remembered.{table} AS TABLE {table}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
