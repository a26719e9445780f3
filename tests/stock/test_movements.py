"""The ledger: what each movement does, what is refused, and what holds when many move stock at once."""

import dataclasses
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from handlers._versions import expected_by
from stockroom.db.database import Database, open_database
from stockroom.db.pages import Page, PageRequest
from stockroom.db.tables import items as item_rows
from stockroom.db.tables import levels, locations, movement_lines
from stockroom.db.tables import movements as movement_rows
from stockroom.errors import (
    AlreadyReversed,
    BalanceOutOfRange,
    InsufficientStock,
    InvalidRequest,
    ItemArchived,
    LocationArchived,
    NotFound,
    NotReversible,
    RepeatedLine,
    SameLocation,
)
from stockroom.items import actions as items
from stockroom.stock import movements
from stockroom.stock.model import Line, Movement
from stockroom.stock.rules import MOST

AtOnce = Callable[..., list[object]]

A, B = ("A", "L1"), ("B", "L1")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


class Ledger:
    """The ledger as a clerk works with it. Items A, B and C, locations L1 and L2, and nothing there yet."""

    def __init__(self, shelves: Any) -> None:
        self.shelves = shelves
        shelves.items("A", "B", "C")
        shelves.locations("L1", "L2")

    def record(self, kind: Any, *lines: Any, **members: Any) -> Movement:
        with self.shelves.work() as work:
            return movements.record(
                work, kind=kind, lines=[_line(kind, *line) for line in lines], by="keeper", **members
            )

    def reverse(self, id: int) -> Movement:
        with self.shelves.work() as work:
            return movements.reverse(work, id, by="keeper")

    def read(self, id: int) -> Movement:
        with self.database.connect() as reader:
            return movements.read(reader, id)

    def page(self, cursor: str | None = None, *, per_page: int = 20, **filters: Any) -> Page[Movement]:
        request = PageRequest(None, per_page, cursor, exact=False)
        with self.database.connect() as reader:
            return movements.list_movements(reader, request, **filters)

    def listed(self, *, per_page: int = 20, **filters: Any) -> list[int]:
        """The ids of all pages."""
        page = self.page(per_page=per_page, **filters)
        ids = [movement.id for movement in page.rows]
        total = page.total
        while page.next:
            page = self.page(page.next, per_page=per_page, **filters)
            ids += [movement.id for movement in page.rows]
        assert total == len(ids)
        return ids

    @property
    def database(self) -> Database:
        found: Database = self.shelves.database
        return found

    def stock(self) -> dict[tuple[str, str], int]:
        """What is on hand where anything is, after the ledger has been added up to the same."""
        names = sa.select(item_rows.c.sku, locations.c.code)
        booked = names.add_columns(levels.c.on_hand).join_from(levels, item_rows).join(locations)
        added = names.add_columns(sa.func.sum(movement_lines.c.delta)).join_from(movement_lines, item_rows)
        added = added.join(locations).group_by(item_rows.c.sku, locations.c.code)
        with self.database.connect() as reader:
            rows, sums = reader.execute(booked).all(), reader.execute(added).all()
        on_hand = {(sku, code): quantity for sku, code, quantity in rows if quantity}
        assert on_hand == {(sku, code): int(quantity) for sku, code, quantity in sums if quantity}
        return on_hand

    def count(self) -> int:
        with self.database.connect() as reader:
            return reader.scalar(sa.select(sa.func.count()).select_from(movement_rows)) or 0


def _line(kind: str, sku: str, *rest: Any) -> dict[str, Any]:
    names = {"transfer": ("from", "to", "quantity"), "adjustment": ("location", "delta")}
    return {"sku": sku, **dict(zip(names.get(kind, ("location", "quantity")), rest, strict=True))}


@pytest.fixture
def ledger(shelves: Any) -> Ledger:
    return Ledger(shelves)


@pytest.fixture
def stocked(ledger: Ledger) -> Ledger:
    """20 of A and 10 of B at L1."""
    ledger.record("receipt", (*A, 20), (*B, 10))
    return ledger


# Recording


def test_each_kind_moves_stock_its_own_way(stocked: Ledger) -> None:
    issue = stocked.record("issue", (*A, 3), (*B, 10))
    transfer = stocked.record("transfer", ("A", "L1", "L2", 5))
    adjustment = stocked.record("adjustment", (*A, -2), (*B, 1))
    assert issue.lines == (Line(*A, -3), Line(*B, -10))
    assert transfer.lines == (Line("A", "L1", -5), Line("A", "L2", 5))
    assert adjustment.lines == (Line(*A, -2), Line(*B, 1))
    assert stocked.stock() == {A: 10, B: 1, ("A", "L2"): 5}


def test_a_movement_is_read_as_it_was_recorded(ledger: Ledger) -> None:
    members = {
        "reference": "order-81",
        "note": "two\nlines",
        "occurred_at": "2026-11-22t12:00:00.123999+02:00",
    }
    recorded = ledger.record("receipt", (*A, 1), **members)
    assert ledger.read(recorded.id) == recorded
    assert recorded.occurred_at == datetime(2026, 11, 22, 10, 0, 0, 123_000, UTC)
    assert (recorded.created_at, recorded.created_by) == (ledger.shelves.now, "keeper")
    assert (recorded.reference, recorded.note) == ("order-81", "two\nlines")
    assert (recorded.reverses, recorded.reversed_by) == (None, None)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"])
def test_a_movement_may_have_happened_at_any_time_of_the_calendar(time: str, ledger: Ledger) -> None:
    recorded = ledger.record("receipt", (*A, 1), occurred_at=time)
    assert ledger.read(recorded.id).occurred_at.isoformat()[:23] == recorded.occurred_at.isoformat()[:23]
    assert ledger.read(recorded.id) == recorded


def test_a_movement_happened_when_it_is_recorded_unless_said(ledger: Ledger) -> None:
    assert ledger.record("receipt", (*A, 1)).occurred_at == ledger.shelves.now


def test_a_transfer_passes_on_what_arrives_in_the_same_movement(stocked: Ledger) -> None:
    stocked.shelves.locations("L3")
    stocked.record("transfer", ("A", "L2", "L3", 20), ("A", "L1", "L2", 20))
    assert stocked.stock() == {("A", "L3"): 20, B: 10}


def test_500_lines_are_one_movement_in_their_order(ledger: Ledger) -> None:
    ledger.shelves.items(*(f"I{number}" for number in range(500)))
    recorded = ledger.record(
        "receipt", *((f"I{number}", "L1", 500 - number) for number in reversed(range(500)))
    )
    assert ledger.read(recorded.id).lines == recorded.lines
    assert [line.delta for line in recorded.lines] == list(range(1, 501))


def test_what_does_not_exist_is_not_read(ledger: Ledger) -> None:
    for number in (1, 2**53 - 1):
        with pytest.raises(NotFound):
            ledger.read(number)


# Refusals: nothing changes


@pytest.fixture
def unchanged(stocked: Ledger) -> Any:
    before, count = stocked.stock(), stocked.count()
    yield
    assert (stocked.stock(), stocked.count()) == (before, count)


@pytest.mark.usefixtures("unchanged")
def test_an_issue_beyond_available_stock_tells_every_shortage(stocked: Ledger) -> None:
    with pytest.raises(InsufficientStock) as refusal:
        stocked.record("issue", (*A, 21), (*B, 10), ("B", "L2", 1), ("C", "L1", 7))
    assert refusal.value.members["shortages"] == [
        {"sku": "A", "location": "L1", "requested": 21, "available": 20},
        {"sku": "B", "location": "L2", "requested": 1, "available": 0},
        {"sku": "C", "location": "L1", "requested": 7, "available": 0},
    ]


@pytest.mark.parametrize(
    ("kind", "lines"),
    [("transfer", [("A", "L1", "L2", 12), ("A", "L1", "L3", 9)]), ("adjustment", [(*B, 1), (*A, -21)])],
)
def test_transfers_and_adjustments_take_no_more_than_there_is(
    kind: str, lines: list[Any], stocked: Ledger, unchanged: None
) -> None:
    stocked.shelves.locations("L3")
    with pytest.raises(InsufficientStock) as refusal:
        stocked.record(kind, *lines)
    (shortage,) = refusal.value.members["shortages"]
    assert shortage == {"sku": "A", "location": "L1", "requested": 21, "available": 20}


@pytest.mark.usefixtures("unchanged")
def test_what_is_reserved_is_not_available(stocked: Ledger) -> None:
    stocked.shelves.hold("A", "L1", 15, time=timedelta(hours=1))
    with pytest.raises(InsufficientStock) as refusal:
        stocked.record("issue", (*A, 6))
    assert refusal.value.members["shortages"][0]["available"] == 5


def test_what_was_reserved_until_now_is_available(stocked: Ledger) -> None:
    stocked.shelves.hold("A", "L1", 15, time=SECOND)
    stocked.shelves.now += SECOND
    stocked.record("issue", (*A, 20))
    assert stocked.stock() == {B: 10}


@pytest.mark.usefixtures("unchanged")
def test_items_and_locations_that_do_not_exist_are_named(stocked: Ledger) -> None:
    with pytest.raises(NotFound, match=r"no item X, no item Y, no location L9"):
        stocked.record("receipt", (*A, 1), ("X", "L1", 1), ("Y", "L9", 1))


@pytest.mark.usefixtures("unchanged")
def test_what_is_archived_does_not_move(stocked: Ledger) -> None:
    with stocked.shelves.work() as work:
        items.archive(work, "C", expected=expected_by("*"))
        work.connection.execute(locations.update().where(locations.c.code == "L2").values(archived=True))
    with pytest.raises(ItemArchived, match="C"):
        stocked.record("receipt", ("C", "L1", 1))
    with pytest.raises(LocationArchived, match="L2"):
        stocked.record("transfer", ("A", "L1", "L2", 1))


def test_a_balance_does_not_leave_its_range(stocked: Ledger) -> None:
    stocked.record("receipt", ("C", "L1", MOST))
    with pytest.raises(BalanceOutOfRange, match="C at L1"):
        stocked.record("receipt", (*A, 1), ("C", "L1", 1))
    assert stocked.stock() == {A: 20, B: 10, ("C", "L1"): MOST}


@pytest.mark.parametrize(
    ("kind", "lines", "pointers"),
    [
        pytest.param("receipt", [(*A, 1), (*B, 1), (*A, 1)], ["/lines/2"], id="a receipt"),
        pytest.param("issue", [(*A, 1), (*A, 2), (*A, 1)], ["/lines/1", "/lines/2"], id="an issue"),
        pytest.param("adjustment", [(*A, 1), (*A, -1)], ["/lines/1"], id="an adjustment"),
        pytest.param(
            "transfer",
            [("A", "L1", "L2", 1), ("A", "L2", "L1", 1), ("A", "L1", "L2", 1)],
            ["/lines/2"],
            id="a transfer",
        ),
        pytest.param(
            "transfer", [("A", "L1", "L2", 1), ("A", "L1", "L1", 1)], ["/lines/1/to"], id="to itself"
        ),
    ],
)
def test_lines_that_contradict_each_other_are_pointed_at(
    kind: str, lines: list[Any], pointers: list[str], stocked: Ledger, unchanged: None
) -> None:
    with pytest.raises((RepeatedLine, SameLocation)) as refusal:
        stocked.record(kind, *lines)
    assert [error["pointer"] for error in refusal.value.errors] == pointers


# Append-only


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE movements SET note = 'other'",
        "UPDATE movement_lines SET delta = 5",
        "DELETE FROM movements",
        "DELETE FROM movement_lines",
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_the_database_refuses_to_change_the_ledger(statement: str, stocked: Ledger) -> None:
    with (
        pytest.raises(sa.exc.IntegrityError, match="append-only"),
        stocked.database.work() as work,
    ):
        work.connection.execute(sa.text(statement))


# Reversing


@pytest.mark.parametrize(
    ("kind", "line", "before"),
    [
        ("receipt", (*A, 5), {}),
        ("issue", (*A, 5), {A: 5}),
        ("transfer", ("A", "L1", "L2", 5), {A: 9}),
        ("adjustment", (*A, -5), {A: 5}),
        ("adjustment", (*A, 5), {A: 5}),
    ],
)
def test_a_reversal_undoes_a_movement(kind: str, line: Any, before: dict[Any, int], ledger: Ledger) -> None:
    for place, quantity in before.items():
        ledger.record("receipt", (*place, quantity))
    movement = ledger.record(kind, line, reference="order-81")
    reversal = ledger.reverse(movement.id)
    assert ledger.stock() == before
    assert (reversal.kind, reversal.reverses, reversal.reference) == ("reversal", movement.id, "order-81")
    assert ledger.read(movement.id) == dataclasses.replace(movement, reversed_by=reversal.id)
    assert ledger.read(reversal.id) == reversal


def test_a_movement_is_reversed_once(stocked: Ledger) -> None:
    movement = stocked.record("issue", (*A, 1))
    reversal = stocked.reverse(movement.id)
    with pytest.raises(AlreadyReversed, match=f"by movement {reversal.id}"):
        stocked.reverse(movement.id)
    assert stocked.stock() == {A: 20, B: 10}


def test_a_reversal_is_not_reversed(stocked: Ledger) -> None:
    reversal = stocked.reverse(stocked.record("issue", (*A, 1)).id)
    with pytest.raises(NotReversible):
        stocked.reverse(reversal.id)


def test_a_receipt_whose_stock_is_gone_is_not_reversed(ledger: Ledger) -> None:
    receipt = ledger.record("receipt", (*A, 5), (*B, 5))
    ledger.record("issue", (*A, 1), (*B, 2))
    with pytest.raises(InsufficientStock) as refusal:
        ledger.reverse(receipt.id)
    assert [shortage["available"] for shortage in refusal.value.members["shortages"]] == [4, 3]
    assert ledger.read(receipt.id).reversed_by is None


def test_no_reversal_of_what_does_not_exist(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.reverse(2**53 - 1)


def test_of_reversals_at_once_one_is_recorded(stocked: Ledger, at_once: AtOnce) -> None:
    for _ in range(5):
        movement = stocked.record("issue", (*A, 1))
        outcomes = at_once(*[partial(stocked.reverse, movement.id)] * 4)
        (reversal,) = [outcome for outcome in outcomes if isinstance(outcome, Movement)]
        assert [
            str(reversal.id) in str(refusal) for refusal in outcomes if isinstance(refusal, AlreadyReversed)
        ] == [
            True,
            True,
            True,
        ]
    assert stocked.stock() == {A: 20, B: 10}


# Listing


def test_the_ledger_is_listed_newest_first(ledger: Ledger) -> None:
    ids = [ledger.record("receipt", (*A, 1)).id for _ in range(5)]
    assert ledger.listed() == ledger.listed(per_page=2) == ids[::-1]
    page = ledger.page(per_page=2)
    assert page.rows == (ledger.read(ids[4]), ledger.read(ids[3]))


def test_the_ledger_is_filtered(ledger: Ledger) -> None:
    first = ledger.record("receipt", (*A, 10), ("A", "L2", 10), (*B, 10), reference="in").id
    second = ledger.record("issue", (*B, 1), ("A", "L2", 1), reference="out").id
    third = ledger.record("transfer", ("A", "L2", "L1", 1), ("A", "L1", "L2", 2)).id
    assert ledger.listed(sku="A", per_page=1) == [third, second, first]
    assert ledger.listed(sku="B", per_page=1) == [second, first]
    assert ledger.listed(location="L2") == [third, second, first]
    assert ledger.listed(sku="A", location="L1") == [third, first]
    assert ledger.listed(sku="C") == ledger.listed(sku="X") == ledger.listed(location="L9") == []
    assert ledger.listed(sku="A", location="L9") == ledger.listed(sku="X", location="L1") == []
    assert ledger.listed(kind="issue") == ledger.listed(reference="out") == [second]
    assert ledger.listed(sku="A", kind="receipt", reference="in") == [first]
    assert ledger.listed(sku="B", kind="receipt", reference="out") == []
    assert ledger.listed(kind="count") == ledger.listed(reference="OUT") == []


def test_the_ledger_is_filtered_by_the_time_of_recording(ledger: Ledger) -> None:
    ids = []
    start = ledger.shelves.now
    for _ in range(4):
        ids.append(ledger.record("receipt", (*A, 1), occurred_at="2001-01-01T00:00:00Z").id)
        ledger.shelves.now += SECOND
    assert ledger.listed(since=start + SECOND, per_page=1) == ids[:0:-1]
    assert ledger.listed(until=start + SECOND) == ids[:1]
    assert ledger.listed(since=start + SECOND, until=start + 3 * SECOND, per_page=1) == [ids[2], ids[1]]
    assert ledger.listed(since=start + SECOND, until=start + 3 * SECOND, sku="A", per_page=1) == [
        ids[2],
        ids[1],
    ]
    microsecond = timedelta(microseconds=1)
    assert ledger.listed(since=start + 3 * SECOND + microsecond) == []
    assert ledger.listed(until=start + microsecond) == ids[:1]
    assert (
        ledger.listed(until=datetime.max.replace(tzinfo=UTC), since=datetime.min.replace(tzinfo=UTC))
        == ids[::-1]
    )


def test_what_narrows_the_ledger_down_lists_it_in_the_order_of_times(ledger: Ledger) -> None:
    start = ledger.shelves.now
    ids = []
    for seconds in (2, 1, 1, 3):
        ledger.shelves.now = start + seconds * SECOND
        ids.append(ledger.record("receipt", (*A, 1)).id)
    by_time = [ids[3], ids[0], ids[2], ids[1]]
    for filters in ({"since": start}, {"kind": "receipt"}, {"sku": "A"}, {"location": "L1", "since": start}):
        assert ledger.listed(**filters, per_page=1) == by_time
    assert ledger.listed(per_page=1) == ids[::-1]


def test_times_that_are_not_in_the_order_of_ids_are_filtered_all_the_same(ledger: Ledger) -> None:
    start = ledger.shelves.now
    days = [0, 0.6, -0.3, 900, 1.6, 2.4, 4, 3.1]
    times = {}
    for day in days:
        ledger.shelves.now = start + day * DAY
        times[ledger.record("receipt", (*A, 1)).id] = ledger.shelves.now
    for since, until in itertools.product([None, *times.values()], repeat=2):
        expected = [
            number
            for number, time in times.items()
            if (since is None or time >= since) and (until is None or time < until)
        ]
        for about in ({}, {"sku": "A"}, {"kind": "receipt"}):
            found = ledger.listed(since=since, until=until, per_page=4, **about)
            assert sorted(found) == expected, (since, until, about)


def test_a_cursor_is_good_for_its_own_list_only(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.record("receipt", (*A, 1))
    cursor = ledger.page(per_page=1).next
    for filters in ({"sku": "A"}, {"since": ledger.shelves.now - DAY}):
        with pytest.raises(InvalidRequest):
            ledger.page(cursor, **filters)


# At once


def test_parallel_issues_never_sell_more_than_there_is(ledger: Ledger, at_once: AtOnce) -> None:
    ledger.record("receipt", (*A, 50))

    def buy() -> list[bool]:
        return [_succeeds(partial(ledger.record, "issue", (*A, 1))) for _ in range(10)]

    outcomes = at_once(*[buy] * 8)
    assert sum(sum(bought) for bought in outcomes if isinstance(bought, list)) == 50
    assert ledger.stock() == {}


def test_opposite_transfers_of_many_lines_do_not_wait_for_each_other(ledger: Ledger, at_once: AtOnce) -> None:
    skus = [f"I{number}" for number in range(30)]
    ledger.shelves.items(*skus)
    ledger.record("receipt", *((sku, code, 10) for sku in skus for code in ("L1", "L2")))

    def move(start: str, end: str, order: int) -> list[bool]:
        lines = [(sku, start, end, 3) for sku in skus[::order]]
        return [_succeeds(partial(ledger.record, "transfer", *lines)) for _ in range(6)]

    ways = [("L1", "L2", 1), ("L2", "L1", -1), ("L1", "L2", -1), ("L2", "L1", 1)]
    outcomes = at_once(*(partial(move, *way) for way in ways * 2))
    assert all(isinstance(outcome, list) for outcome in outcomes), outcomes
    assert sum(ledger.stock().values()) == 600


def test_first_receipts_of_the_same_items_at_once_are_all_there(ledger: Ledger, at_once: AtOnce) -> None:
    skus = [f"I{number}" for number in range(40)]
    ledger.shelves.items(*skus)

    def receive(order: int) -> Movement:
        return ledger.record("receipt", *((sku, "L1", 1) for sku in skus[::order]))

    outcomes = at_once(*(partial(receive, order) for order in (1, -1) * 4))
    assert all(isinstance(outcome, Movement) for outcome in outcomes), outcomes
    assert set(ledger.stock().values()) == {8}


def test_16_writers_wait_for_their_turn(ledger: Ledger, database_url: str, at_once: AtOnce) -> None:
    ledger.shelves.database = wide = open_database(database_url, connections=16)

    def work() -> int:
        return sum(_succeeds(partial(ledger.record, "receipt", (*A, 1), (*B, 1))) for _ in range(10))

    assert at_once(*[work] * 16) == [10] * 16
    assert ledger.stock() == {A: 160, B: 160}
    wide.dispose()


def _succeeds(call: Callable[[], object]) -> bool:
    try:
        call()
    except InsufficientStock:
        return False
    return True
