"""Damage to databases in files."""

import sqlite3
from contextlib import closing
from pathlib import Path

GARBAGE = b"\xde\xad\xbe\xef" * 1024


def damage(file: Path, table: str) -> None:
    """Put garbage in the place of a table's first page."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        page = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        ((number,),) = connection.execute(page, (table,)).fetchall()
    with file.open("r+b") as written:
        written.seek((number - 1) * size)
        written.write(GARBAGE[:size])
