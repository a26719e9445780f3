"""Reservations: what is held, for how long, and what becomes of it, also when many want it at once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from handlers._versions import expected_by
from stockroom.db.database import Database
from stockroom.db.pages import Page, PageRequest
from stockroom.db.tables import levels, movements, reservation_lines
from stockroom.db.tables import reservations as table
from stockroom.db.unit_of_work import Work
from stockroom.errors import (
    DomainError,
    ExpiryOutOfRange,
    InsufficientStock,
    ItemArchived,
    LocationArchived,
    NotFound,
    RepeatedLine,
    ReservationClosed,
)
from stockroom.items import actions as items
from stockroom.locations import actions as locations
from stockroom.reservations import actions as reservations
from stockroom.reservations.model import Reservation, ReservationState
from stockroom.stock import movements as recording
from stockroom.stock.model import Movement
from tasks import sweep

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
MILLISECOND = timedelta(milliseconds=1)

AtOnce = Callable[..., list[object]]
Shelves = Any


class Desk:
    """The stockroom's desk at some moment: 20 of A and 10 of B at L1, nothing at L2."""

    def __init__(self, shelves: Shelves) -> None:
        self.database: Database = shelves.database
        self.now = NOW
        shelves.now = NOW
        shelves.items("A", "B")
        shelves.locations("L1", "L2")
        shelves.move("A", "L1", 20)
        shelves.move("B", "L1", 10)

    def work(self) -> Work:
        return Work(self.database.connect, self.now)

    def hold(self, *places: tuple[str, str, int], **members: Any) -> Reservation:
        lines: list[dict[str, str | int]] = [
            {"sku": sku, "location": location, "quantity": quantity} for sku, location, quantity in places
        ]
        with self.work() as begun:
            return reservations.hold(begun, by="keeper", lines=lines, **members)

    def release(self, id: str) -> None:
        with self.work() as begun:
            reservations.release(begun, id)

    def fulfil(self, id: str) -> Movement:
        with self.work() as begun:
            return reservations.fulfil(begun, id, by="keeper")

    def expire(self, limit: int = 100) -> int:
        with self.work() as begun:
            return reservations.expire(begun, limit)

    def find(self, id: str) -> Reservation:
        with self.database.connect() as reader:
            return reservations.find(reader, id, now=self.now)

    def pages(self, cursor: str | None = None, **asked: Any) -> Page[Reservation]:
        request = PageRequest(None, asked.pop("per_page", 20), cursor, exact=False)
        with self.database.connect() as reader:
            return reservations.list_reservations(reader, request, now=self.now, **asked)

    def stored(self) -> list[tuple[int, int]]:
        """On hand and reserved of every level, as they are in the table: A, then B."""
        query = sa.select(levels.c.on_hand, levels.c.reserved).order_by(levels.c.item_id)
        with self.database.connect() as reader:
            return [(on_hand, reserved) for on_hand, reserved in reader.execute(query)]

    def stored_states(self) -> list[str]:
        with self.database.connect() as reader:
            return list(reader.scalars(sa.select(table.c.state).order_by(table.c.expires_at)))

    def held_lines(self) -> int:
        query = sa.select(sa.func.count()).where(reservation_lines.c.held)
        with self.database.connect() as reader:
            count: int = reader.execute(query).scalar_one()
            return count

    def movements(self) -> int:
        with self.database.connect() as reader:
            count: int = reader.execute(sa.select(sa.func.count()).select_from(movements)).scalar_one()
            return count


@pytest.fixture
def desk(shelves: Shelves) -> Desk:
    return Desk(shelves)


def in_(time: timedelta) -> str:
    return (NOW + time).isoformat()


# Holding


def test_what_is_held_stays_on_hand_and_is_no_longer_available(desk: Desk) -> None:
    held = desk.hold(("B", "L1", 4), ("A", "L1", 3), reference="order-82")
    assert held == Reservation(
        id=held.id,
        state="held",
        reference="order-82",
        expires_at=NOW + HOUR,
        created_at=NOW,
        created_by="keeper",
        closed_at=None,
        movement=None,
        lines=held.lines,
    )
    assert [(line.sku, line.location, line.quantity) for line in held.lines] == [
        ("B", "L1", 4),
        ("A", "L1", 3),
    ]
    assert desk.find(held.id) == desk.find(held.id.upper()) == held
    assert desk.stored() == [(20, 3), (10, 4)]
    with pytest.raises(InsufficientStock) as refused:
        desk.hold(("A", "L1", 18))
    assert refused.value.members["shortages"] == [
        {"sku": "A", "location": "L1", "requested": 18, "available": 17}
    ]


def test_a_hold_tells_every_shortage_and_holds_nothing(desk: Desk) -> None:
    with pytest.raises(InsufficientStock) as refused:
        desk.hold(("A", "L1", 21), ("B", "L1", 10), ("B", "L2", 1))
    assert refused.value.members["shortages"] == [
        {"sku": "A", "location": "L1", "requested": 21, "available": 20},
        {"sku": "B", "location": "L2", "requested": 1, "available": 0},
    ]
    assert desk.stored() == [(20, 0), (10, 0)]
    assert desk.pages().total == 0


def test_a_place_that_is_named_twice_is_refused(desk: Desk) -> None:
    with pytest.raises(RepeatedLine) as refused:
        desk.hold(("A", "L1", 1), ("B", "L1", 1), ("A", "L1", 2))
    assert [error["pointer"] for error in refused.value.errors] == ["/lines/2"]


def test_all_that_is_unknown_is_named(desk: Desk) -> None:
    with pytest.raises(NotFound, match="no item X, no item Y, no location Z"):
        desk.hold(("X", "L1", 1), ("Y", "L1", 1), ("A", "Z", 1))


def test_what_is_archived_is_not_held(desk: Desk) -> None:
    with desk.work() as begun:
        items.create(begun, sku="OLD", name="Old")
        items.archive(begun, "OLD", expected=expected_by("*"))
        locations.archive(begun, "L2", expected=expected_by("*"))
    with pytest.raises(ItemArchived, match="OLD"):
        desk.hold(("OLD", "L1", 1))
    with pytest.raises(LocationArchived, match="L2"):
        desk.hold(("A", "L2", 1))


@pytest.mark.parametrize(
    "time", [timedelta(0), -HOUR, timedelta(days=90) + MILLISECOND, timedelta(days=9999)]
)
def test_stock_is_held_from_now_on_and_for_90_days_at_most(desk: Desk, time: timedelta) -> None:
    with pytest.raises(ExpiryOutOfRange) as refused:
        desk.hold(("A", "L1", 1), expires_at=in_(time))
    assert [error["pointer"] for error in refused.value.errors] == ["/expires_at"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (in_(timedelta(days=90)), NOW + timedelta(days=90)),
        (in_(MILLISECOND), NOW + MILLISECOND),
        ("2026-11-22t15:30:00.123999+05:00", NOW + timedelta(minutes=30, milliseconds=123)),
    ],
)
def test_the_end_is_told_in_utc_and_milliseconds(desk: Desk, asked: str, expected: datetime) -> None:
    held = desk.hold(("A", "L1", 1), expires_at=asked)
    assert held.expires_at == desk.find(held.id).expires_at == expected
    assert held.expires_at.tzinfo is UTC


# Releasing and fulfilling


def test_what_is_released_is_available_again(desk: Desk) -> None:
    first, second = desk.hold(("A", "L1", 12), ("B", "L1", 1)), desk.hold(("A", "L1", 8))
    desk.now += HOUR / 2
    desk.release(first.id)
    assert desk.stored() == [(20, 8), (10, 0)]
    released = desk.find(first.id)
    assert (released.state, released.closed_at, released.movement) == ("released", NOW + HOUR / 2, None)
    assert desk.find(second.id).state == "held"


def test_a_fulfilment_issues_what_was_held(desk: Desk) -> None:
    held = desk.hold(("B", "L1", 4), ("A", "L1", 20), reference="order-82")
    desk.now += HOUR / 2
    movement = desk.fulfil(held.id)
    assert (movement.kind, movement.reference, movement.created_by) == ("issue", "order-82", "keeper")
    assert [(line.sku, line.location, line.delta) for line in movement.lines] == [
        ("B", "L1", -4),
        ("A", "L1", -20),
    ]
    assert desk.stored() == [(0, 0), (6, 0)]
    fulfilled = desk.find(held.id)
    assert (fulfilled.state, fulfilled.closed_at) == ("fulfilled", NOW + HOUR / 2)
    assert fulfilled.movement == movement.id
    assert fulfilled.lines == held.lines


@pytest.mark.parametrize("again", ["release", "fulfil"])
@pytest.mark.parametrize(
    ("end", "word"), [("release", "been released"), ("fulfil", "been fulfilled"), ("expire", "expired")]
)
def test_what_is_closed_stays_as_it_is(desk: Desk, end: str, word: str, again: str) -> None:
    held = desk.hold(("A", "L1", 5))
    if end == "expire":
        desk.now += HOUR
        desk.expire()
    else:
        getattr(desk, end)(held.id)
    before, stored = desk.find(held.id), desk.stored()
    with pytest.raises(ReservationClosed, match=f"has {word}"):
        getattr(desk, again)(held.id)
    assert (desk.find(held.id), desk.stored()) == (before, stored)


def test_a_reservation_that_never_was_is_nowhere(desk: Desk) -> None:
    for action in (desk.find, desk.release, desk.fulfil):
        with pytest.raises(NotFound):
            action(str(uuid4()))


# Expiring


def test_an_expired_reservation_holds_nothing_even_before_it_is_swept(desk: Desk) -> None:
    expiring = desk.hold(("A", "L1", 15), ("B", "L1", 10))
    desk.now += HOUR - MILLISECOND
    with pytest.raises(InsufficientStock):
        desk.hold(("A", "L1", 20))
    desk.now += MILLISECOND
    desk.hold(("A", "L1", 20))
    assert desk.stored() == [(20, 20), (10, 10)]
    assert desk.stored_states() == ["held", "held"]
    shown = desk.find(expiring.id)
    assert (shown.state, shown.closed_at) == ("expired", NOW + HOUR)
    for action in (desk.release, desk.fulfil):
        with pytest.raises(ReservationClosed, match="has expired"):
            action(expiring.id)


def test_the_sweep_writes_down_what_has_expired_and_frees_what_nobody_took(desk: Desk) -> None:
    expiring = desk.hold(("A", "L1", 15), ("B", "L1", 10))
    lasting = desk.hold(("A", "L1", 2), expires_at=in_(2 * HOUR))
    desk.now += HOUR
    # Part of it is let go of by whoever needs it first.
    desk.hold(("A", "L1", 18), expires_at=in_(3 * HOUR))
    before = desk.find(expiring.id)
    desk.now += HOUR / 2
    assert desk.expire() == 1
    assert desk.stored() == [(20, 20), (10, 0)]
    assert desk.find(expiring.id) == before
    assert (desk.find(lasting.id).state, desk.stored_states()) == ("held", ["expired", "held", "held"])
    assert desk.expire() == 0


def test_the_sweep_takes_the_oldest_first_and_no_more_than_it_is_told(desk: Desk) -> None:
    for minutes in (3, 1, 2, 5, 4):
        desk.hold(("A", "L1", 1), expires_at=in_(timedelta(minutes=minutes)))
    desk.now += timedelta(minutes=5)
    assert desk.expire(limit=2) == 2
    assert desk.stored_states() == ["expired"] * 2 + ["held"] * 3
    assert [desk.expire(limit=2), desk.expire(limit=2)] == [2, 1]
    assert desk.stored() == [(20, 0), (10, 0)]


def test_the_sweep_is_equal_to_many_long_reservations(desk: Desk, shelves: Shelves) -> None:
    skus = [f"S{number}" for number in range(400)]
    shelves.items(*skus)
    lines: list[dict[str, str | int]] = [{"sku": sku, "location": "L1", "quantity": 4} for sku in skus]
    with desk.work() as begun:
        recording.record(begun, kind="receipt", lines=lines, by="keeper")
    for _ in range(4):
        desk.hold(*[(sku, "L1", 1) for sku in skus])
    desk.now += HOUR
    # No statement is to grow with them, hence two at a time.
    assert [desk.expire(), desk.expire(), desk.expire()] == [2, 2, 0]
    assert {reserved for _, reserved in desk.stored()} == {0}


def test_a_worker_sweeps_until_nothing_is_left(desk: Desk) -> None:
    for _ in range(45):
        held = desk.hold(("A", "L1", 1))
        desk.now += HOUR
    sweep.expire(replace(desk.database, clock=lambda: desk.now), lambda: False)
    assert desk.find(held.id).closed_at == held.expires_at
    assert set(desk.stored_states()) == {"expired"}
    assert (desk.stored(), desk.held_lines()) == ([(20, 0), (10, 0)], 0)


def test_a_worker_that_is_stopping_leaves_the_rest_to_others(desk: Desk) -> None:
    desk.hold(("A", "L1", 1))
    desk.now += HOUR
    sweep.expire(replace(desk.database, clock=lambda: desk.now), lambda: True)
    assert desk.stored_states() == ["held"]


@pytest.mark.parametrize("late", ["release", "fulfil"])
def test_what_another_process_has_let_go_of_by_its_clock_is_not_given_out_again(
    desk: Desk, late: str
) -> None:
    held = desk.hold(("A", "L1", 15), ("B", "L1", 10))
    desk.now += HOUR
    taken = desk.hold(("A", "L1", 20))
    desk.now -= MILLISECOND
    count = desk.movements()
    with pytest.raises(ReservationClosed, match="has expired"):
        getattr(desk, late)(held.id)
    assert (desk.stored(), desk.movements()) == ([(20, 20), (10, 10)], count)
    desk.now += MILLISECOND
    assert desk.expire() == 1
    assert (desk.stored(), desk.find(taken.id).state) == ([(20, 20), (10, 0)], "held")


# Lists


def test_a_list_has_the_newest_first_and_is_walked_by_cursor(desk: Desk) -> None:
    made = []
    for number in range(5):
        made.append(desk.hold(("A", "L1", 1), ("B", "L1", 1), reference=f"order-{number // 4}"))
        desk.now += MILLISECOND * (number % 2)
    expected = sorted(made, key=lambda one: (one.created_at, one.id), reverse=True)
    found: list[Reservation] = []
    cursor = None
    while True:
        page = desk.pages(cursor, per_page=2)
        found += page.rows
        if (cursor := page.next) is None:
            break
    assert found == expected
    assert desk.pages(reference="order-1").rows == (made[4],)
    assert desk.pages(reference="order").total == 0


def test_the_states_of_a_list_are_those_that_are_shown(desk: Desk) -> None:
    ids: dict[ReservationState, set[str]] = {
        "released": {desk.hold(("A", "L1", 1)).id},
        "fulfilled": {desk.hold(("A", "L1", 1)).id},
        "expired": {desk.hold(("A", "L1", 1), expires_at=in_(HOUR / 2)).id},
    }
    for released in ids["released"]:
        desk.release(released)
    for fulfilled in ids["fulfilled"]:
        desk.fulfil(fulfilled)
    desk.now += HOUR / 2
    desk.expire()
    ids["expired"].add(desk.hold(("A", "L1", 1)).id)
    desk.now += HOUR
    ids["held"] = {desk.hold(("A", "L1", 1)).id}
    for state, expected in ids.items():
        page = desk.pages(state=state)
        assert {one.id for one in page.rows} == expected
        assert {one.state for one in page.rows} == {state}
        assert page.total == len(expected)
        assert all(one == desk.find(one.id) for one in page.rows)
    assert desk.pages().total == 5


# Many at once


def test_no_more_is_held_than_there_is_however_many_ask(desk: Desk, at_once: AtOnce) -> None:
    outcomes = at_once(*[partial(desk.hold, ("A", "L1", 3), ("B", "L1", 1))] * 8)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        *["InsufficientStock"] * 2,
        *["Reservation"] * 6,
    ]
    assert desk.stored() == [(20, 18), (10, 6)]


def test_of_many_ends_one_comes_true(desk: Desk, at_once: AtOnce) -> None:
    for _ in range(5):
        held = desk.hold(("A", "L1", 2), ("B", "L1", 2))
        (on_hand, _), _ = desk.stored()
        ends = [partial(desk.fulfil, held.id), partial(desk.release, held.id)] * 4
        outcomes = at_once(*ends)
        found = desk.find(held.id)
        losers = [outcome.detail for outcome in outcomes if isinstance(outcome, ReservationClosed)]
        assert losers == [f"The reservation has been {found.state}."] * 7
        gone = 2 if found.state == "fulfilled" else 0
        assert found.state in {"fulfilled", "released"}
        assert desk.stored()[0] == (on_hand - gone, 0)


def test_reservations_of_the_same_places_in_opposite_order_do_not_block_each_other(
    desk: Desk, at_once: AtOnce
) -> None:
    places = [("A", "L1", 1), ("B", "L1", 1)]

    def customer(order: int) -> None:
        for turn in range(10):
            held = desk.hold(*places[::order])
            if turn:
                desk.release(held.id)
            else:
                desk.fulfil(held.id)

    outcomes = at_once(*[partial(customer, order) for order in (1, -1, 1, -1)])
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert desk.stored() == [(16, 0), (6, 0)]


def test_several_workers_and_customers_share_what_has_expired(desk: Desk, at_once: AtOnce) -> None:
    for _ in range(10):
        desk.hold(("A", "L1", 1), ("B", "L1", 1))
        desk.hold(("A", "L1", 1))
    assert desk.stored() == [(20, 20), (10, 10)]
    desk.now += HOUR

    def worker() -> int:
        closed = 0
        while batch := desk.expire(limit=3):
            closed += batch
        return closed

    def customer() -> None:
        for _ in range(5):
            desk.fulfil(desk.hold(("B", "L1", 1), ("A", "L1", 1)).id)

    outcomes = at_once(worker, customer, worker, customer, worker)
    errors = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    assert errors == []
    assert sum(outcome for outcome in outcomes if isinstance(outcome, int)) + desk.expire() == 20
    assert (desk.stored(), desk.held_lines()) == ([(10, 0), (0, 0)], 0)
