"""Counts: what was found becomes the difference to the books, unless the books have moved on."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from handlers._versions import expected_by
from stockroom.db.tables import items as item_rows
from stockroom.db.tables import levels, locations
from stockroom.errors import (
    CountStale,
    InsufficientStock,
    ItemArchived,
    LocationArchived,
    NotFound,
    RepeatedLine,
)
from stockroom.items import actions as items
from stockroom.stock import counts, movements
from stockroom.stock.model import Line, Movement

AtOnce = Callable[..., list[object]]
HOUR = timedelta(hours=1)


class Counter:
    """Who counts at L1, where there are 20 of A, 10 of B and nothing of C."""

    def __init__(self, shelves: Any) -> None:
        self.shelves = shelves
        shelves.items("A", "B", "C")
        shelves.locations("L1", "L2")
        shelves.move("A", "L1", 20)
        shelves.move("B", "L1", 10)

    def count(self, *lines: Any, location: str = "L1", **members: Any) -> Movement:
        asked = [dict(zip(("sku", "counted", "expected"), line, strict=False)) for line in lines]
        with self.shelves.work() as work:
            return counts.record(work, location=location, lines=asked, by="keeper", **members)

    def reverse(self, id: int) -> Movement:
        with self.shelves.work() as work:
            return movements.reverse(work, id, by="keeper")

    def read(self, id: int) -> Movement:
        with self.shelves.database.connect() as reader:
            return movements.read(reader, id)

    def booked(self) -> dict[str, int]:
        query = sa.select(item_rows.c.sku, levels.c.on_hand).join_from(levels, item_rows)
        with self.shelves.database.connect() as reader:
            return {row.sku: row.on_hand for row in reader.execute(query)}


@pytest.fixture
def counter(shelves: Any) -> Counter:
    return Counter(shelves)


def test_a_count_brings_the_books_to_what_was_found(counter: Counter) -> None:
    movement = counter.count(("A", 18), ("B", 10), ("C", 3), reference="round-4", note="aisle 1")
    assert movement.kind == "count"
    assert movement.lines == (Line("A", "L1", -2), Line("C", "L1", 3))
    assert counter.read(movement.id) == movement
    assert counter.booked() == {"A": 18, "B": 10, "C": 3}


def test_a_count_as_booked_is_a_movement_without_lines(counter: Counter) -> None:
    movement = counter.count(("A", 20, 20), ("C", 0, 0))
    assert (movement.lines, counter.read(movement.id)) == ((), movement)
    reversal = counter.reverse(movement.id)
    assert (reversal.kind, reversal.lines, reversal.reverses) == ("reversal", (), movement.id)
    assert counter.booked() == {"A": 20, "B": 10}


def test_a_count_is_reversed_by_its_differences(counter: Counter) -> None:
    movement = counter.count(("A", 0), ("B", 11))
    assert counter.reverse(movement.id).lines == (Line("A", "L1", 20), Line("B", "L1", -1))
    assert counter.booked() == {"A": 20, "B": 10}


def test_a_stale_count_tells_every_stale_line_and_changes_nothing(counter: Counter) -> None:
    with pytest.raises(CountStale) as refusal:
        counter.count(("A", 18, 19), ("B", 9, 10), ("C", 5, 1))
    assert refusal.value.members["stale"] == [
        {"sku": "A", "location": "L1", "expected": 19, "on_hand": 20},
        {"sku": "C", "location": "L1", "expected": 1, "on_hand": 0},
    ]
    assert counter.booked() == {"A": 20, "B": 10}


def test_no_count_goes_below_what_is_reserved(counter: Counter) -> None:
    counter.shelves.hold("A", "L1", 15, time=HOUR)
    counter.count(("A", 15))
    with pytest.raises(InsufficientStock) as refusal:
        counter.count(("A", 12), ("B", 9))
    assert refusal.value.members["shortages"] == [
        {"sku": "A", "location": "L1", "requested": 3, "available": 0}
    ]
    assert counter.booked() == {"A": 15, "B": 10}


def test_an_expired_reservation_stands_in_no_counts_way(counter: Counter) -> None:
    counter.shelves.hold("A", "L1", 15, time=HOUR)
    counter.shelves.now += HOUR
    counter.count(("A", 0))
    assert counter.booked() == {"A": 0, "B": 10}


def test_what_is_counted_twice_is_pointed_at(counter: Counter) -> None:
    with pytest.raises(RepeatedLine) as refusal:
        counter.count(("A", 1), ("B", 1), ("A", 1), ("B", 1))
    assert [error["pointer"] for error in refusal.value.errors] == ["/lines/2", "/lines/3"]


def test_only_what_there_is_and_is_not_archived_is_counted(counter: Counter) -> None:
    with pytest.raises(NotFound, match="no item X"):
        counter.count(("A", 1), ("X", 1))
    with pytest.raises(NotFound, match="no location L9"):
        counter.count(("A", 1), location="L9")
    with counter.shelves.work() as work:
        items.archive(work, "C", expected=expected_by("*"))
        work.connection.execute(locations.update().where(locations.c.code == "L2").values(archived=True))
    with pytest.raises(ItemArchived):
        counter.count(("C", 0))
    with pytest.raises(LocationArchived):
        counter.count(("A", 0), location="L2")
    assert counter.booked() == {"A": 20, "B": 10}


def test_of_counts_at_once_that_expect_the_same_one_is_recorded(counter: Counter, at_once: AtOnce) -> None:
    outcomes = at_once(*(partial(counter.count, ("A", 20 - number, 20)) for number in range(1, 6)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CountStale"] * 4 + ["Movement"]


def test_counts_and_receipts_of_what_was_never_there_do_not_wait_for_each_other(
    counter: Counter, at_once: AtOnce
) -> None:
    skus = [f"I{number}" for number in range(30)]
    counter.shelves.items(*skus)

    def receive() -> None:
        with counter.shelves.work() as work:
            lines = [{"sku": sku, "location": "L1", "quantity": 2} for sku in reversed([*skus, "A"])]
            movements.record(work, kind="receipt", lines=lines, by="keeper")

    calls = [receive, partial(counter.count, ("A", 20), *((sku, 1) for sku in skus))] * 4
    outcomes = at_once(*calls)
    assert not [outcome for outcome in outcomes if not isinstance(outcome, Movement | None)], outcomes
