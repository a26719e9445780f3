"""Levels as they are read: what is where, how much of it is free, and which items are low."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from handlers._versions import expected_by
from stockroom.db.database import Database
from stockroom.db.pages import Page, PageRequest
from stockroom.errors import InsufficientStock, InvalidRequest, NotFound
from stockroom.items import actions as items
from stockroom.stock import ledger, levels
from stockroom.stock import level_queries as storage
from stockroom.stock.model import Draft, Level, Line, Totals
from stockroom.summary import actions as summary

HOUR = timedelta(hours=1)

Shelves = Any


def request(*, page: int | None = None, cursor: str | None = None, per_page: int = 100) -> PageRequest:
    return PageRequest(page=page, per_page=per_page, cursor=cursor, exact=False)


def ask(
    reader: sa.Connection, shelves: Shelves, *, after: timedelta = timedelta(0), **asked: Any
) -> Page[Level]:
    paged = {name: asked.pop(name) for name in ("page", "cursor", "per_page") if name in asked}
    return levels.list_levels(reader, request(**paged), now=shelves.now + after, **asked)


def places(page: Page[Level]) -> list[tuple[str, str]]:
    return [(level.sku, level.location) for level in page.rows]


@pytest.fixture
def stock(shelves: Shelves) -> None:
    """Axes are low by one, bags are not, cups have no reorder point; all the dishes are gone."""
    shelves.items("axe", "bag", "dish", reorder_point=10)
    shelves.items("cup")
    shelves.locations("A-01", "A-02", "B-01")
    for sku, location, quantity in (
        ("bag", "A-02", 6),
        ("axe", "B-01", 3),
        ("cup", "A-01", 1),
        ("bag", "A-01", 5),
        ("dish", "A-02", 40),
        ("axe", "A-01", 7),
    ):
        shelves.move(sku, location, quantity)
    shelves.move("dish", "A-02", -40)


def test_a_level_says_what_is_on_hand_and_whether_it_is_low(
    reader: sa.Connection, shelves: Shelves, stock: None
) -> None:
    shelves.hold("axe", "A-01", 4, time=HOUR)
    assert ask(reader, shelves).rows == (
        Level("axe", "A-01", 7, 4, 3, 10, True),
        Level("axe", "B-01", 3, 0, 3, 10, True),
        Level("bag", "A-01", 5, 0, 5, 10, False),
        Level("bag", "A-02", 6, 0, 6, 10, False),
        Level("cup", "A-01", 1, 0, 1, None, False),
        Level("dish", "A-02", 0, 0, 0, 10, True),
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"sku": "axe"}, ["axe A-01", "axe B-01"]),
        ({"location": "A-02"}, ["bag A-02", "dish A-02"]),
        ({"low": True}, ["axe A-01", "axe B-01", "dish A-02"]),
        ({"low": False}, ["bag A-01", "bag A-02", "cup A-01"]),
        ({"location": "A-01", "low": True}, ["axe A-01"]),
        ({"sku": "bag", "location": "A-02"}, ["bag A-02"]),
        ({"sku": "bag", "low": True}, []),
        ({"sku": "unknown"}, []),
        ({"location": "unknown"}, []),
    ],
)
def test_filters_are_joined_by_and(
    reader: sa.Connection, shelves: Shelves, stock: None, filters: dict[str, Any], expected: list[str]
) -> None:
    page = ask(reader, shelves, **filters)
    assert [" ".join(place) for place in places(page)] == expected
    assert page.total == len(expected)


def test_what_an_item_reaches_exactly_is_low(reader: sa.Connection, shelves: Shelves, stock: None) -> None:
    assert ask(reader, shelves, sku="axe").rows[0].low
    shelves.move("axe", "A-02", 1)
    assert not ask(reader, shelves, sku="axe").rows[0].low


def test_what_is_reserved_is_still_on_hand_for_low(
    reader: sa.Connection, shelves: Shelves, stock: None
) -> None:
    shelves.hold("bag", "A-01", 5, time=HOUR)
    assert not ask(reader, shelves, sku="bag").rows[0].low


@pytest.mark.parametrize("low", [None, True, False])
def test_a_walk_meets_each_level_once(
    reader: sa.Connection, shelves: Shelves, stock: None, low: bool | None
) -> None:
    page = ask(reader, shelves, low=low, per_page=1)
    met = places(page)
    while page.next is not None:
        page = ask(reader, shelves, low=low, per_page=1, cursor=page.next)
        met += places(page)
    assert met == places(ask(reader, shelves, low=low))
    assert len(met) == page.total


def test_pages_can_be_asked_for_by_number(reader: sa.Connection, shelves: Shelves, stock: None) -> None:
    whole = places(ask(reader, shelves))
    assert [places(ask(reader, shelves, page=number, per_page=4)) for number in (1, 2, 3)] == [
        whole[:4],
        whole[4:],
        [],
    ]


def test_a_cursor_of_another_list_is_refused(reader: sa.Connection, shelves: Shelves, stock: None) -> None:
    asked = PageRequest(page=None, per_page=1, cursor=None, exact=False)
    cursor = items.list_items(reader, asked).next
    with pytest.raises(InvalidRequest):
        ask(reader, shelves, cursor=cursor)


def test_archived_items_keep_their_levels(reader: sa.Connection, shelves: Shelves, stock: None) -> None:
    with shelves.work() as begun:
        items.archive(begun, "dish", expected=expected_by("*"))
    assert places(ask(reader, shelves, sku="dish")) == [("dish", "A-02")]


def test_a_place_that_never_held_the_item_is_not_listed(
    reader: sa.Connection, shelves: Shelves, stock: None
) -> None:
    transfer = Draft("transfer", (Line("cup", "A-01", -2), Line("cup", "A-02", 2)))
    with shelves.work() as begun:
        [refusal] = ledger.record_many(begun, [transfer], by="keeper")
    assert isinstance(refusal, InsufficientStock)
    assert places(ask(reader, shelves, sku="cup")) == [("cup", "A-01")]
    assert ask(reader, shelves, sku="cup").total == 1


# Reservations that have expired


def test_what_expired_is_free_at_once(reader: sa.Connection, shelves: Shelves, stock: None) -> None:
    shelves.hold("axe", "A-01", 2, time=HOUR)
    shelves.hold("axe", "A-01", 3, time=2 * HOUR)
    shelves.hold("axe", "B-01", 1, time=HOUR)
    for after, reserved in (
        (timedelta(0), [5, 1]),
        (HOUR - timedelta(milliseconds=1), [5, 1]),
        (HOUR, [3, 0]),
        (2 * HOUR, [0, 0]),
    ):
        rows = ask(reader, shelves, sku="axe", after=after).rows
        assert [level.reserved for level in rows] == reserved
        assert [level.available for level in rows] == [7 - reserved[0], 3 - reserved[1]]


def test_what_was_let_go_of_is_not_subtracted_twice(
    reader: sa.Connection, shelves: Shelves, stock: None
) -> None:
    shelves.hold("axe", "A-01", 2, time=HOUR)
    shelves.hold("axe", "A-01", 3, time=2 * HOUR)
    shelves.now += HOUR
    shelves.move("axe", "A-01", 1)
    assert ask(reader, shelves, sku="axe").rows[0] == Level("axe", "A-01", 8, 3, 5, 10, False)


# One item


def test_totals_are_over_all_locations_not_the_page(
    reader: sa.Connection, shelves: Shelves, stock: None
) -> None:
    shelves.hold("axe", "A-01", 2, time=HOUR)
    shelves.hold("axe", "B-01", 3, time=2 * HOUR)
    totals, page = levels.of_item(reader, request(per_page=1), "axe", now=shelves.now)
    assert totals == Totals(10, 5, 5)
    assert places(page) == [("axe", "A-01")]
    assert page.total == 2
    later, _ = levels.of_item(reader, request(), "axe", now=shelves.now + HOUR)
    assert later == Totals(10, 3, 7)


def test_an_item_that_never_was_anywhere_has_no_levels(reader: sa.Connection, shelves: Shelves) -> None:
    shelves.items("axe")
    totals, page = levels.of_item(reader, request(), "axe", now=shelves.now)
    assert totals == Totals(0, 0, 0)
    assert (page.rows, page.total) == ((), 0)


def test_an_unknown_item_is_not_found(reader: sa.Connection, shelves: Shelves) -> None:
    with pytest.raises(NotFound):
        levels.of_item(reader, request(), "axe", now=shelves.now)


@pytest.mark.parametrize("few", [2_000, -1])
def test_low_levels_are_found_before_and_after_they_are_tallied(
    database: Database,
    reader: sa.Connection,
    shelves: Shelves,
    stock: None,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
) -> None:
    monkeypatch.setattr(storage, "FEW", few)
    low = [("axe", "A-01"), ("axe", "B-01"), ("dish", "A-02")]
    for tallied in (False, True, True):
        if tallied:
            with database.work() as work:
                summary.update_totals(work)
        for moved, expected in ((0, low), (100, low[2:]), (-100, low)):
            if moved:
                shelves.move("axe", "A-01", moved)
            page = ask(reader, shelves, low=True)
            assert (places(page), page.total) == (expected, len(expected))
