"""Migrations make the very tables that queries are written for, once, whoever runs them."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from stockroom.db.pages import Page, PageRequest
from stockroom.db.tables import levels, metadata
from stockroom.items import queries as items
from stockroom.stock import item_totals, movement_pages
from stockroom.stock.movement_pages import Filters
from stockroom.summary import queries as summary
from tests.onlooker import onlooker


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_migrating_an_empty_database_gives_the_tables_that_queries_know(database: Database):
    with onlooker(database.url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_migrating_makes_what_the_metadata_itself_would_make(empty_url: str):
    migrate.upgrade(empty_url)
    migrated = _schema(empty_url)
    engine = onlooker(empty_url)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    engine.dispose()
    assert migrated == _schema(empty_url)


def _schema(url: str) -> dict[str, object]:
    """All that the database tells of its tables, checks included, which Alembic does not compare."""
    engine = onlooker(url)
    inspector = sa.inspect(engine)
    parts = ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "indexes", "check_constraints")
    schema = {
        # Types and conditions have no equality; what they say has. Which key comes first says nothing.
        f"{table} {part}": sorted(json.dumps(one, default=str) for one in found)
        if isinstance(found := getattr(inspector, f"get_{part}")(table), list) and part != "columns"
        else json.dumps(found, default=str)
        for table in metadata.tables
        for part in parts
    }
    engine.dispose()
    return schema


def test_a_migrated_database_is_at_the_head(database: Database):
    with database.connect() as reader:
        assert migrate.current(reader) == migrate.head()


def test_a_database_that_was_never_migrated_has_no_revision(empty_url: str):
    database = open_database(empty_url, connections=1)
    with database.connect() as reader:
        assert migrate.current(reader) is None
    database.dispose()


def test_migrating_again_changes_nothing(database: Database, database_url: str):
    migrate.upgrade(database_url)
    with database.connect() as reader:
        assert migrate.current(reader) == migrate.head()


def test_processes_that_migrate_at_once_do_not_disturb_each_other(empty_url: str):
    with ThreadPoolExecutor(4) as pool:
        for outcome in [pool.submit(migrate.upgrade, empty_url) for _ in range(4)]:
            outcome.result()
    database = open_database(empty_url, connections=1)
    with database.connect() as reader:
        assert migrate.current(reader) == migrate.head()
    database.dispose()


def test_a_stock_that_was_there_before_is_in_the_summary_and_in_all_lists(empty_url: str):
    migrate.upgrade(empty_url, "0002")
    database = open_database(empty_url, connections=1)
    with database.work() as work:
        for statement in _STOCK:
            work.connection.execute(sa.text(statement))
    migrate.upgrade(empty_url)
    with database.connect() as reader:
        found = summary.count(reader, now=database.clock())
        assert not item_totals.any_left(reader)
        listed = sa.select(levels.c.sku).order_by(levels.c.item_id, levels.c.location_id)
        assert reader.scalars(listed) == ["a", "a", "b"]
        tagged = _all(items.page, reader, q=None, tag="t", archived=False, sort="sku")
        assert [item.sku for item in tagged] == ["a", "b"]
        moved = _all(movement_pages.page, reader, Filters(location="l"))
        assert [movement.id for movement in moved] == [3, 1]
    with database.work() as work, pytest.raises(sa.exc.DBAPIError):
        work.connection.execute(sa.text("UPDATE movement_lines SET delta = 5"))
    assert (found.items, found.archived_items, found.units, found.low_stock) == (2, 1, 12, 1)
    database.dispose()


def _all(page: Callable[..., Page[Any]], reader: sa.Connection, *about: Any, **named: Any) -> Sequence[Any]:
    return page(reader, PageRequest(page=None, per_page=9, cursor=None, exact=False), *about, **named).rows


_STOCK = (
    """
    INSERT INTO items (id, sku, name, unit, reorder_point, archived, version, created_at, updated_at)
    VALUES (1, 'a', 'Axe', 'piece', 5, false, 1, 0, 0), (2, 'b', 'Bag', 'piece', 5, false, 1, 0, 0),
        (3, 'c', 'Cup', 'piece', 0, true, 1, 0, 0)
    """,
    """
    INSERT INTO locations (id, code, name, archived, version, created_at, updated_at)
    VALUES (1, 'l', 'Loft', false, 1, 0, 0), (2, 'm', 'Mill', false, 1, 0, 0)
    """,
    """
    INSERT INTO levels (item_id, location_id, on_hand, reserved)
    VALUES (1, 1, 3, 0), (1, 2, 4, 0), (2, 1, 5, 0)
    """,
    "INSERT INTO item_tags (item_id, tag) VALUES (2, 't'), (1, 't'), (3, 't'), (1, 'u')",
    """
    INSERT INTO users (username, email, password_hash, role, disabled, created_at)
    VALUES ('ann', 'ann@example.com', '-', 'clerk', false, 0)
    """,
    """
    INSERT INTO movements (id, kind, occurred_at, created_at, created_by)
    VALUES (1, 'receipt', 0, 1, 'ann'), (2, 'receipt', 0, 2, 'ann'), (3, 'receipt', 0, 3, 'ann')
    """,
    """
    INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta)
    VALUES (1, 1, 1, 1, 3), (2, 1, 1, 2, 4), (3, 1, 2, 1, 5)
    """,
)
