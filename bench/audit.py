"""What it takes to audit a SQLite database of many lines: time, and the memory of the process.

    python -m bench.audit LINES

The database is made in a temporary folder.
"""

import argparse
import resource
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from stockroom.audit import model
from stockroom.audit.actions import audit
from stockroom.db import migrate
from stockroom.db.database import open_database
from stockroom.db.files import FileStore

LINES_EACH = 5
"""Lines of a level: a receipt, and issues of some of it. An item has one level."""

_STATEMENTS = (
    "INSERT INTO users VALUES ('keeper', 'keeper@example.org', '-', 'clerk', false, 0)",
    "INSERT INTO locations VALUES (1, 'A', 'Room A', NULL, false, 1, 0, 0)",
    """INSERT INTO items (id, sku, name, unit, reorder_point, archived, version, created_at, updated_at)
       SELECT n, printf('SKU-%08d', n), 'Item ' || n, 'piece', n % 9, false, 1, 0, 0
       FROM numbers WHERE n <= :lines / :each""",
    """INSERT INTO movements (id, kind, occurred_at, created_at, created_by)
       SELECT n, CASE WHEN n <= :lines / :each THEN 'receipt' ELSE 'issue' END, n, n, 'keeper'
       FROM numbers""",
    """INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta, created_at)
       SELECT n, 1, (n - 1) % (:lines / :each) + 1, 1, CASE WHEN n <= :lines / :each THEN 10 ELSE -2 END, n
       FROM numbers""",
    """INSERT INTO levels (item_id, location_id, on_hand, reserved, sku)
       SELECT item_id, location_id, sum(delta), 0, printf('SKU-%08d', item_id)
       FROM movement_lines GROUP BY item_id, location_id""",
    """INSERT INTO tallies (item_id, archived, on_hand, low)
       SELECT id, false, on_hand, on_hand <= reorder_point FROM items JOIN levels ON item_id = id""",
    "DELETE FROM totals",
    """INSERT INTO totals
       SELECT 1, count(*), 0, sum(on_hand), count(*) FILTER (WHERE low) FROM tallies""",
)


def fill(path: Path, lines: int) -> None:
    """Fill a migrated, empty database."""
    with closing(sqlite3.connect(path)) as connection, connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("CREATE TEMP TABLE numbers (n INTEGER PRIMARY KEY)")
        connection.execute(
            """INSERT INTO numbers WITH RECURSIVE counted (n) AS (
                SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?
            ) SELECT n FROM counted""",
            (lines,),
        )
        for statement in _STATEMENTS:
            connection.execute(statement, {"lines": lines, "each": LINES_EACH} if ":" in statement else {})
        for _, definition in triggers:
            connection.execute(definition)


def main() -> None:
    parser = argparse.ArgumentParser(description="Audit a SQLite database that is made for it.")
    parser.add_argument("lines", type=int, help="how many lines its ledger has")
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stockroom.db"
        migrate.upgrade(f"sqlite:///{path}")
        fill(path, lines)
        print(f"the database has {path.stat().st_size / 2**20:.0f} MiB")
        before = _most_memory()
        database = open_database(f"sqlite:///{path}", connections=1)
        findings, took = [], []
        started = time.monotonic()
        for finding in audit(database, FileStore((Path(folder) / "files").as_uri())):
            findings.append(finding)
            took.append((time.monotonic() - started, finding.name))
            started = time.monotonic()
        database.dispose()
    print(model.summary(findings))
    print(f"{sum(seconds for seconds, _ in took):.1f} s; the slowest checks:")
    for seconds, name in sorted(took, reverse=True)[:6]:
        print(f"    {seconds:5.1f} s {name}")
    print(f"the process took {before:.0f} MiB at most before the audit, and {_most_memory():.0f} with it")


def _most_memory() -> float:
    """The most that this process has taken so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
