"""Items by the thousand: what becomes of new, differing and equal rows, and of parallel imports."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.db.database import Database
from stockroom.db.unit_of_work import Work
from stockroom.items import queries as items
from stockroom.items.model import Item, changed
from stockroom.items.upserts import Upserted, foresee_many, upsert_many

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def reader(database: Database) -> Iterator[sa.Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture
def bag(database: Database) -> Item:
    item = Item("22411", "Bag", "Red", "box", 25, ("bags", "new"), False, 1, NOW, NOW)
    with Work(database.connect, NOW) as work:
        items.insert(work, item)
    return item


def upsert(database: Database, *rows: dict[str, Any], now: datetime = LATER) -> Upserted:
    with Work(database.connect, now) as work:
        foreseen = foresee_many(work.connection, rows)
        done = upsert_many(work.connection, rows, now=work.now)
    assert foreseen == done
    return done


def outcome(*, created: str = "", updated: str = "", unchanged: str = "") -> Upserted:
    return Upserted(frozenset(created.split()), frozenset(updated.split()), frozenset(unchanged.split()))


def test_new_items_are_inserted_with_defaults_for_what_they_do_not_say(
    database: Database, reader: sa.Connection
) -> None:
    full = {
        "sku": "b",
        "name": "B",
        "description": "x",
        "unit": "box",
        "reorder_point": 3,
        "tags": ("p", "q"),
    }
    assert upsert(database, full, {"sku": "a", "name": "A"}) == outcome(created="a b")
    assert items.find(reader, "a") == Item("a", "A", None, "piece", None, (), False, 1, LATER, LATER)
    assert items.find(reader, "b") == Item("b", "B", "x", "box", 3, ("p", "q"), False, 1, LATER, LATER)


@pytest.mark.parametrize(
    "row",
    [
        {"name": "Sack"},
        {"name": "Bag", "description": None},
        {"name": "Bag", "unit": "piece"},
        {"name": "Bag", "reorder_point": None},
        {"name": "Bag", "tags": ("bags",)},
        {"name": "Bag", "tags": ()},
        {"name": "Bag", "tags": ("bags", "new", "other")},
        {"name": "Sack", "description": "Blue", "unit": "m", "reorder_point": 0, "tags": ("z",)},
    ],
)
def test_only_the_given_columns_of_an_item_change(
    database: Database, reader: sa.Connection, bag: Item, row: dict[str, Any]
) -> None:
    assert upsert(database, {"sku": "22411", **row}) == outcome(updated="22411")
    assert items.find(reader, "22411") == changed(bag, row, LATER)


@pytest.mark.parametrize(
    "row",
    [{"name": "Bag"}, {"name": "Bag", "tags": ("bags", "new"), "description": "Red", "reorder_point": 25}],
)
def test_an_equal_item_is_left_alone(
    database: Database, reader: sa.Connection, bag: Item, row: dict[str, Any]
) -> None:
    assert upsert(database, {"sku": "22411", **row}) == outcome(unchanged="22411")
    assert items.find(reader, "22411") == bag


def test_an_archived_item_is_updated_and_stays_archived(
    database: Database, reader: sa.Connection, bag: Item
) -> None:
    with Work(database.connect, NOW) as work:
        items.save(work.connection, bag, changed(bag, {"archived": True}, NOW))
    assert upsert(database, {"sku": "22411", "name": "Sack"}) == outcome(updated="22411")
    found = items.find(reader, "22411")
    assert found is not None
    assert (found.name, found.archived, found.version) == ("Sack", True, 3)


def test_rows_may_give_different_columns(database: Database, reader: sa.Connection, bag: Item) -> None:
    done = upsert(
        database,
        {"sku": "new", "name": "New", "tags": ("x",)},
        {"sku": "22411", "name": "Sack", "unit": "m"},
        {"sku": "newer", "name": "Newer", "reorder_point": 1},
    )
    assert done == outcome(created="new newer", updated="22411")
    found = items.find(reader, "22411")
    assert found is not None
    assert (found.unit, found.tags, found.description) == ("m", ("bags", "new"), "Red")


def test_nothing_comes_of_nothing(database: Database) -> None:
    assert upsert(database) == outcome()


def test_a_thousand_items_with_all_their_tags_are_taken_at_once(
    database: Database, reader: sa.Connection
) -> None:
    tags = tuple(f"t{n:02}" for n in range(20))
    rows = [{"sku": f"s{n}", "name": "Item", "tags": tags} for n in range(1_000)]
    assert len(upsert(database, *rows).created) == 1_000
    assert len(upsert(database, *rows).unchanged) == 1_000
    assert len(upsert(database, *({**row, "tags": tags[1:]} for row in rows)).updated) == 1_000
    found = items.find(reader, "s999")
    assert found is not None
    assert found.tags == tags[1:]


def test_parallel_imports_of_the_same_items_neither_wait_for_ever_nor_lose_a_change(
    database: Database, reader: sa.Connection, at_once: Callable[..., list[object]]
) -> None:
    chance = random.Random(1)  # noqa: S311 - Guards nothing; the same each time.
    skus = [f"s{n:03}" for n in range(300)]

    def upsert_shuffled(turn: int, importer: int, order: list[str]) -> Upserted:
        rows = [
            {"sku": sku, "name": f"{turn} by {importer}", "tags": [f"t{turn}-{importer}"]} for sku in order
        ]
        with Work(database.connect, NOW + timedelta(minutes=turn)) as work:
            return upsert_many(work.connection, rows, now=work.now)

    versions = dict.fromkeys(skus, 0)
    for turn in range(15):
        # Half of the items are known to some importers from earlier turns; the others are new to all.
        orders = [chance.sample(skus, 20 * (turn + 1)) for _ in range(4)]
        results = at_once(
            *(
                lambda turn=turn, importer=importer, order=order: upsert_shuffled(turn, importer, order)
                for importer, order in enumerate(orders)
            )
        )
        for result in results:
            assert isinstance(result, Upserted)
            for sku in result.created | result.updated:
                versions[sku] += 1
    for sku, version in versions.items():
        found = items.find(reader, sku)
        assert (found.version if found else 0) == version
        if found:
            turn, _, importer = found.name.split()
            assert found.tags == (f"t{turn}-{importer}",)
