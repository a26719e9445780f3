"""The summary is the stock of its moment, however far item totals are and whoever writes meanwhile."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.db.database import Database
from stockroom.db.tables import additions, items, levels, locations, totals, untallied
from stockroom.db.tables import tallies as table
from stockroom.stock import item_totals
from stockroom.stock.level_queries import is_low
from stockroom.summary import queries as summary

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
ITEMS, LOCATIONS = 12, 3
FIGURES = ("items", "archived_items", "units", "low_stock")

_counted = sa.select(
    *(
        sa.select(sa.func.count()).select_from(items).where(condition).scalar_subquery()
        for condition in (sa.not_(items.c.archived), items.c.archived)
    ),
    sa.select(sa.func.coalesce(sa.func.sum(levels.c.on_hand), 0)).scalar_subquery(),
    sa.select(sa.func.count())
    .select_from(items)
    .where(sa.not_(items.c.archived), is_low(items))
    .scalar_subquery(),
)


def counted(connection: sa.Connection) -> tuple[int, ...]:
    """What there is, item by item and level by level."""
    return tuple(map(int, connection.execute(_counted).one()))


def told(connection: sa.Connection) -> tuple[int, ...]:
    found = summary.count(connection, now=NOW)
    return tuple(getattr(found, name) for name in FIGURES)


def update_totals(database: Database) -> int:
    with database.work() as work:
        return item_totals.bring_up_to_date(work.connection)


def tally_all(database: Database) -> None:
    while update_totals(database):
        pass


def add_items(connection: sa.Connection, *numbers: int) -> None:
    values = {"unit": "piece", "archived": False, "version": 1, "created_at": NOW, "updated_at": NOW}
    connection.execute(
        sa.insert(items),
        [
            {"id": n, "sku": f"s{n}", "name": "x", "reorder_point": None if n % 4 == 0 else n, **values}
            for n in numbers
        ],
    )


@pytest.fixture
def stocked(database: Database) -> Database:
    values = {"name": "x", "archived": False, "version": 1, "created_at": NOW, "updated_at": NOW}
    with database.work() as work:
        places = [{"id": n, "code": f"l{n}", **values} for n in range(1, LOCATIONS + 1)]
        work.connection.execute(sa.insert(locations), places)
        add_items(work.connection, *range(1, ITEMS + 1))
        empty = [
            {"item_id": item, "location_id": place["id"], "on_hand": 0, "reserved": 0, "sku": f"s{item}"}
            for item in range(1, ITEMS + 1)
            for place in places
        ]
        work.connection.execute(sa.insert(levels), empty)
    return database


def change(connection: sa.Connection, chance: random.Random) -> None:
    """Some write of the service to an item or a level, which stays within bounds."""
    item, place = chance.randint(1, ITEMS), chance.randint(1, LOCATIONS)
    at = sa.and_(levels.c.item_id == item, levels.c.location_id == place)
    moved: sa.Update = sa.update(levels).where(at)
    changes: list[Any] = [
        moved.values(on_hand=levels.c.on_hand + chance.randint(1, 3)),
        moved.where(levels.c.on_hand > 0).values(on_hand=levels.c.on_hand - 1),
        sa.update(items).where(items.c.id == item).values(archived=sa.not_(items.c.archived)),
        sa.update(items).where(items.c.id == item).values(reorder_point=chance.choice([None, 0, 3, 9])),
    ]
    connection.execute(chance.choice(changes))


def test_what_is_not_tallied_yet_is_told_all_the_same(stocked: Database) -> None:
    with stocked.connect() as reader:
        assert told(reader) == counted(reader) == (ITEMS, 0, 0, ITEMS - ITEMS // 4)
        tally_all(stocked)
        assert told(reader) == counted(reader)


def test_the_summary_is_the_stock_after_any_changes_and_tallies(stocked: Database) -> None:
    chance = random.Random(5)  # noqa: S311 - nothing secret is drawn
    with stocked.connect() as reader:
        for step in range(300):
            work = stocked.work()
            change(work.connection, chance)
            work.rollback() if chance.random() < 0.2 else work.commit()
            if chance.random() < 0.1:
                with stocked.work() as work:
                    add_items(work.connection, ITEMS + 1 + step)
            if chance.random() < 0.3:
                update_totals(stocked)
            assert told(reader) == counted(reader)


def test_in_the_end_the_totals_alone_are_the_stock(stocked: Database) -> None:
    chance = random.Random(6)  # noqa: S311 - nothing secret is drawn
    for _ in range(50):
        with stocked.work() as work:
            change(work.connection, chance)
    tally_all(stocked)
    with stocked.connect() as reader:
        assert not item_totals.any_left(reader)
        assert reader.scalar(sa.select(sa.func.count()).select_from(table)) == ITEMS
        row = reader.execute(sa.select(*(totals.c[name] for name in FIGURES))).one()
        assert tuple(row) == counted(reader)


@pytest.mark.parametrize("table", [untallied, additions])
def test_a_batch_at_a_time_is_tallied(stocked: Database, table: sa.Table) -> None:
    tally_all(stocked)
    row = {"item_id": 1} if table is untallied else dict.fromkeys(FIGURES, 0)
    with stocked.work() as work:
        work.connection.execute(sa.insert(table), [row] * (item_totals.BATCH + 7))
    assert update_totals(stocked) == item_totals.BATCH
    assert update_totals(stocked) == 7
    assert update_totals(stocked) == 0
    with stocked.connect() as reader:
        assert told(reader) == counted(reader)


def test_new_items_are_told_at_once_and_never_looked_at_again(stocked: Database) -> None:
    tally_all(stocked)
    with stocked.work() as work:
        add_items(work.connection, 101, 102, 104)
    with stocked.connect() as reader:
        assert reader.scalar(sa.select(sa.func.count()).select_from(untallied)) == 0
        assert told(reader) == counted(reader) == (ITEMS + 3, 0, 0, ITEMS - ITEMS // 4 + 2)
        assert item_totals.any_left(reader)
        tally_all(stocked)
        assert not item_totals.any_left(reader)
        assert told(reader) == counted(reader)


def test_writers_and_talliers_at_the_same_time_leave_no_moment_at_which_it_is_wrong(
    stocked: Database,
) -> None:
    over = threading.Event()

    def write(seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - nothing secret is drawn
        for _ in range(100):
            work = stocked.work()
            change(work.connection, chance)
            work.rollback() if chance.random() < 0.1 else work.commit()

    def keep_tallying() -> None:
        while not over.is_set():
            update_totals(stocked)

    def compare() -> int:
        # Both questions of one moment.
        compared = 0
        while not over.is_set():
            with stocked.snapshot() as reader:
                assert told(reader) == counted(reader)
            compared += 1
        return compared

    with ThreadPoolExecutor(6) as pool:
        others = [pool.submit(keep_tallying), pool.submit(keep_tallying)]
        readers = pool.submit(compare)
        try:
            for writer in [pool.submit(write, seed) for seed in range(3)]:
                writer.result()
        finally:
            over.set()
        for other in others:
            other.result()
        assert readers.result() > 0
    with stocked.connect() as reader:
        assert told(reader) == counted(reader)
        tally_all(stocked)
        assert told(reader) == counted(reader)
