"""The summary counts what is there now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from handlers._versions import expected_by
from stockroom.db.database import Database
from stockroom.items import actions as items
from stockroom.locations import actions as locations
from stockroom.summary import actions as summary
from stockroom.summary.model import Summary

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
EMPTY = Summary(items=0, archived_items=0, locations=0, units=0, low_stock=0, movements_today=0, as_of=NOW)

Shelves = Any


def test_an_empty_stockroom_counts_nothing(reader: sa.Connection) -> None:
    assert summary.summarise(reader, now=NOW) == EMPTY


def test_archived_items_are_counted_apart(database: Database, reader: sa.Connection) -> None:
    with database.work() as work:
        for sku in ("a", "b", "c"):
            items.create(work, sku=sku, name=sku)
        items.archive(work, "b", expected=expected_by("*"))
    found = summary.summarise(reader, now=NOW)
    assert (found.items, found.archived_items) == (2, 1)


def test_archived_locations_are_not_counted(reader: sa.Connection, shelves: Shelves) -> None:
    shelves.locations("A-01", "A-02", "A-03")
    with shelves.work() as work:
        locations.archive(work, "A-02", expected=expected_by("*"))
    assert summary.summarise(reader, now=NOW).locations == 2


def test_units_are_all_that_is_on_hand(reader: sa.Connection, shelves: Shelves) -> None:
    shelves.items("axe", "bag")
    shelves.locations("A-01", "A-02")
    shelves.move("axe", "A-01", 10**12)
    shelves.move("bag", "A-02", 5)
    shelves.move("bag", "A-02", -2)
    found = summary.summarise(reader, now=NOW).units
    assert found == 10**12 + 3
    assert type(found) is int


def test_low_items_are_those_at_their_reorder_point_or_below(reader: sa.Connection, shelves: Shelves) -> None:
    shelves.items("none", "at", "above", "gone", "archived", reorder_point=4)
    shelves.items("any")
    shelves.items("zero", reorder_point=0)
    shelves.locations("A-01", "A-02")
    for sku, quantities in {"at": (3, 1), "above": (3, 2), "gone": (3, 0), "any": (1, 0)}.items():
        for location, quantity in zip(("A-01", "A-02"), quantities, strict=True):
            if quantity:
                shelves.move(sku, location, quantity)
    shelves.move("gone", "A-01", -3)
    with shelves.work() as work:
        items.archive(work, "archived", expected=expected_by("*"))
    # none, at, gone and zero.
    assert summary.summarise(reader, now=NOW).low_stock == 4


def test_movements_are_todays_from_midnight_on(reader: sa.Connection, shelves: Shelves) -> None:
    shelves.items("axe")
    shelves.locations("A-01")
    midnight = NOW.replace(hour=0)
    for shelves.now in (midnight - timedelta(milliseconds=1), midnight, NOW):
        shelves.move("axe", "A-01", 1)
    assert summary.summarise(reader, now=NOW).movements_today == 2
    assert summary.summarise(reader, now=NOW + timedelta(days=1)).movements_today == 0
