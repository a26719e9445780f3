"""Fills an empty, migrated PostgreSQL database with items, locations and a ledger that adds up.

    python -m bench.generate URL [--items N] [--movements M]

Rows are made in the database, from their numbers: the same sizes give the same stock. Each item lies at two
of the locations, every movement has one line, and the levels are the sums of the lines. Triggers and foreign
keys are off meanwhile, which takes a superuser.
"""

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from argon2 import PasswordHasher

PASSWORD = "seven grey herons wade at dawn"  # noqa: S105 - it guards a database of made-up rows
ROLES = ("viewer", "clerk", "manager", "admin")
"""Each is also the name of a user who has it."""

LOCATIONS = 100
FEW = 20
"""Items that carry the tag `few` and the word `fewfold`, however many items there are."""


@dataclass(frozen=True)
class Sizes:
    """How much there is. `opening` is what each level receives first, before anything else moves."""

    items: int
    movements: int
    opening: int = 1000

    def __post_init__(self) -> None:
        if self.items < FEW or self.movements < 2 * self.items:
            raise ValueError(f"at least {FEW} items, and two movements for each, which bring in its stock")


def sku(number: int) -> str:
    """The SKU of an item, whose number counts from 1."""
    return f"SKU-{number:08d}"


def place(number: int) -> tuple[str, str]:
    """SKU and location code of an item's first level."""
    return sku(number), f"LOC-{number % LOCATIONS + 1:03d}"


def fill(url: str, sizes: Sizes) -> None:
    """Generate everything into the database at `url` (libpq's form)."""
    # Once: movements and their lines have the same times.
    given = _parameters(sizes)
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        _users(connection)
        with _without_indexes(connection):
            for statement in (_ITEMS, _TAGS, _LOCATIONS, _MOVEMENTS, _LINES, _LEVELS, _TALLIES, _TOTALS):
                connection.execute(statement, given)
        for table in ("items", "locations", "movements"):
            go_on_with_ids(connection, table)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


def go_on_with_ids(connection: psycopg.Connection, table: str) -> None:
    """Have the next row of a table that was filled with ids get the next one."""
    connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")


def _parameters(sizes: Sizes) -> dict[str, int]:
    now = int(time.time() * 1000)
    return {
        "items": sizes.items,
        "movements": sizes.movements,
        "opening": sizes.opening,
        "locations": LOCATIONS,
        "rare": sizes.items // FEW,
        "now": now,
        "step": 365 * 86_400_000 // sizes.movements,
    }


def _users(connection: psycopg.Connection) -> None:
    password_hash = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1).hash(PASSWORD)
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO users VALUES (%s, %s, %s, %s, false, 0)",
            [(role, f"{role}@example.com", password_hash, role) for role in ROLES],
        )


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Drop the indexes that hold no constraint and make them again afterwards: three times as fast."""
    found = connection.execute(_INDEXES).fetchall()
    for name, _ in found:
        connection.execute(f'DROP INDEX "{name}"')
    yield
    connection.execute("SET LOCAL maintenance_work_mem = '512MB'")
    for _, definition in found:
        connection.execute(definition)


_INDEXES = """
    SELECT indexname, indexdef FROM pg_indexes
    WHERE schemaname = current_schema()
        AND tablename IN ('items', 'item_tags', 'levels', 'movements', 'movement_lines')
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
"""
# A prime spreads neighbouring numbers; all are far below 2^63.
_ITEMS = """
    INSERT INTO items (
        id, sku, name, description, unit, reorder_point, archived, version, created_at, updated_at
    )
    SELECT n, 'SKU-' || lpad(n::text, 8, '0'),
        (ARRAY['Brass', 'Steel', 'Oak', 'Nylon', 'Copper', 'Zinc', 'Ash', 'Rubber'])[n %% 8 + 1]
            || ' ' || (ARRAY['hinge', 'bolt', 'handle', 'washer', 'bracket', 'lamp', 'hook'])[n %% 7 + 1]
            || ' ' || n * 7919 %% 1000 || ' mm'
            || CASE WHEN n %% 100 = 0 THEN ' clearance' ELSE '' END
            || CASE WHEN n %% %(rare)s = 0 THEN ' fewfold' ELSE '' END
            || CASE WHEN n * 10 > %(items)s::bigint * 9 THEN ' outlet' ELSE '' END,
        CASE WHEN n %% 3 = 0 THEN 'From the workshop, lot ' || n END, 'piece',
        CASE WHEN n %% 2 = 0 THEN n * 7919 %% 2500 END, false, 1,
        %(now)s - (%(items)s - n), %(now)s - (%(items)s - n)
    FROM generate_series(1, %(items)s::bigint) AS n
"""
_TAGS = """
    INSERT INTO item_tags (item_id, tag, sku)
    SELECT n, tag, 'SKU-' || lpad(n::text, 8, '0')
    FROM (
        SELECT n, 'group-' || n %% 200 FROM generate_series(1, %(items)s) AS n
        UNION ALL SELECT n, 'shelf-' || n * 7919 %% 150 FROM generate_series(1, %(items)s::bigint) AS n
        UNION ALL SELECT n, 'percent' FROM generate_series(100, %(items)s, 100) AS n
        UNION ALL SELECT n * %(rare)s, 'few' FROM generate_series(1, %(items)s / %(rare)s) AS n
    ) AS tagged (n, tag)
"""
_LOCATIONS = """
    INSERT INTO locations (id, code, name, archived, version, created_at, updated_at)
    SELECT n, 'LOC-' || lpad(n::text, 3, '0'), 'Shelf ' || n, false, 1, %(now)s, %(now)s
    FROM generate_series(1, %(locations)s) AS n
"""
_MOVEMENTS = """
    INSERT INTO movements (id, kind, reference, occurred_at, created_at, created_by)
    SELECT n, CASE WHEN n <= 2 * %(items)s OR n %% 2 = 0 THEN 'receipt' ELSE 'issue' END,
        'order-' || n / 4,
        %(now)s - (%(movements)s - n) * %(step)s, %(now)s - (%(movements)s - n) * %(step)s, 'clerk'
    FROM generate_series(1, %(movements)s::bigint) AS n
"""
# Level k, from 0, is the first of item k / 2 + 1 if k is even, else its second. Steps without a common factor
# with the number of levels meet them all in turn, so that each level has as many lines as any other.
_LINES = """
    INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta, created_at)
    SELECT n, 1, k / 2 + 1, (k / 2 + 1 + k %% 2) %% %(locations)s + 1,
        CASE WHEN n <= 2 * %(items)s THEN %(opening)s WHEN n %% 2 = 0 THEN n %% 5 + 1 ELSE -(n %% 5 + 1) END,
        %(now)s - (%(movements)s - n) * %(step)s
    FROM (
        SELECT n, n * 15485863 %% (2 * %(items)s) AS k FROM generate_series(1, %(movements)s::bigint) AS n
    ) AS numbered
"""
_LEVELS = """
    INSERT INTO levels (item_id, location_id, on_hand, reserved, sku)
    SELECT item_id, location_id, sum(delta), 0, sku
    FROM movement_lines JOIN items ON items.id = item_id GROUP BY item_id, location_id, sku
"""
# What the triggers and the worker would have come to.
_TALLIES = """
    INSERT INTO tallies (item_id, archived, on_hand, low)
    SELECT id, archived, total, reorder_point IS NOT NULL AND total <= reorder_point
    FROM items JOIN (
        SELECT item_id, CAST(sum(on_hand) AS bigint) AS total FROM levels GROUP BY item_id
    ) AS stock ON item_id = id
"""
_TOTALS = """
    INSERT INTO totals (id, items, archived_items, units, low_stock)
    SELECT 1, count(*), 0, sum(on_hand), count(*) FILTER (WHERE low) FROM tallies
    ON CONFLICT (id) DO UPDATE
    SET items = excluded.items, units = excluded.units, low_stock = excluded.low_stock
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill an empty, migrated PostgreSQL database.")
    parser.add_argument("url", help="postgresql://user:password@host/name")
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--movements", type=int, default=50_000)
    arguments = parser.parse_args()
    started = time.monotonic()
    fill(arguments.url, Sizes(arguments.items, arguments.movements))
    took = time.monotonic() - started
    print(f"{arguments.items:,} items and {arguments.movements:,} movements in {took:.1f} s")


if __name__ == "__main__":
    main()
