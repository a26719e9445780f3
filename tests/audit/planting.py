"""Plants what a database refuses: its triggers, references and constraints look away meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.database import Database
from stockroom.db.tables import metadata


@dataclass(frozen=True)
class Planted(Database):
    """A database whose snapshot is of a transaction that nobody will commit."""

    connection: Connection | None = None

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        assert self.connection is not None
        yield self.connection


@contextmanager
def planted(database: Database, *statements: str, unchecked: bool = False) -> Iterator[Database]:
    """The database with what the statements do to it, until the end of this.

    They may break what triggers and references keep, and constraints if they are `unchecked`.
    """
    with database.connect() as connection:
        connection.begin()
        look_away = _on_sqlite if database.name == "sqlite" else _on_postgresql
        with look_away(connection, unchecked=unchecked):
            for statement in statements:
                count = connection.command(statement, ())
                assert count != 0, f"this plants nothing: {statement}"
        yield Planted(database.url, database.server, database.clock, connection)


@contextmanager
def _on_sqlite(connection: Connection, *, unchecked: bool) -> Iterator[None]:
    connection.command("PRAGMA defer_foreign_keys = ON", ())
    connection.command(f"PRAGMA ignore_check_constraints = {unchecked}", ())
    triggers = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for name, _ in triggers:
        connection.command(f"DROP TRIGGER {name}", ())
    yield
    for _, definition in triggers:
        connection.command(definition, ())
    connection.command("PRAGMA ignore_check_constraints = OFF", ())


@contextmanager
def _on_postgresql(connection: Connection, *, unchecked: bool) -> Iterator[None]:
    for table in metadata.tables.values() if unchecked else ():
        for one in table.constraints:
            if isinstance(one, sa.CheckConstraint):
                connection.command(f"ALTER TABLE {table.name} DROP CONSTRAINT {one.name}", ())
    connection.command("SET LOCAL session_replication_role = replica", ())
    yield
    connection.command("SET LOCAL session_replication_role = origin", ())
