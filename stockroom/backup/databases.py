"""The database's part of a backup: taken from a snapshot, and put where there is no database yet."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from stockroom.backup import parts, programs
from stockroom.backup.model import BackupError
from stockroom.db import sqlite
from stockroom.db.connections import Connection
from stockroom.db.database import Database

# SQLite would take what is left of these for a part of the file that they stand beside.
_BESIDE = ("", "-wal", "-shm", "-journal")

_RELATIONS = sa.text("SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace")
_SERVICES = sa.text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'stockroom' AND pid <> pg_backend_pid()
""")


def refuse_missing(database: Database) -> None:
    """Raises BackupError where there is no database; opening SQLite's file would make it."""
    if database.name == "sqlite" and not _file(database).exists():
        raise BackupError(f"There is no database {_file(database)}.")


def take(database: Database, snapshot: Connection, path: Path) -> None:
    """Write the database as the snapshot sees it to `path`. Raises BackupError."""
    path.touch(mode=0o600)
    if database.name == "postgresql":
        programs.dump(database.url, snapshot, path)
    else:
        sqlite.copy(snapshot, path)
        _refuse_unsound(path)
    parts.sync(path)


def refuse_occupied(database: Database) -> None:
    """Raises BackupError unless there is no database yet, or an empty one that no service uses."""
    if database.name == "sqlite":
        path = _file(database)
        for found in (path.with_name(path.name + end) for end in _BESIDE):
            if os.path.lexists(found):
                raise BackupError(f"There is {found} already; nothing was restored.")
        return
    with database.connect() as reader:
        if reader.scalar(_SERVICES):
            raise BackupError("A service uses the database; stop it first. Nothing was restored.")
        if reader.scalar(_RELATIONS):
            raise BackupError("The database is not empty; restore into a new one. Nothing was restored.")


def put(database: Database, part: Path) -> None:
    """Bring the database's part of a backup to where there is none, whole or not. Raises BackupError."""
    if database.name == "postgresql":
        programs.restore(database.url, part)
        return
    path = _file(database)
    unfinished = path.with_name(f".{path.name}.restored")
    try:
        with parts.opened(part) as source:
            parts.write(source, unfinished)
        _refuse_unsound(unfinished)
        # Fails where somebody was faster.
        os.link(unfinished, path)
        parts.sync(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _file(database: Database) -> Path:
    return Path(sa.make_url(database.url).database or "").absolute()


def _refuse_unsound(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            said = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise BackupError(f"The copy of the database is not sound: {said}")
