"""The ledger against a simple model of it: random stock-keeping, and what must hold after each step."""

import dataclasses
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from stockroom.db import tables
from stockroom.db.database import Database
from stockroom.db.pages import PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import DomainError
from stockroom.items import actions as items
from stockroom.locations import actions as locations
from stockroom.reservations import actions as reservations
from stockroom.reservations.model import Reservation
from stockroom.stock import counts, levels, movements
from stockroom.stock.model import Movement

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

Place = tuple[int, int]
"""Which of the two items, at which of the two locations."""
Quantities = Mapping[Place, int]
Refusal = tuple[str, frozenset[tuple[Any, ...]]]
"""The code, and of each line that is at fault the place and the two numbers."""
T = TypeVar("T")

PLACES = [(0, 0), (0, 1), (1, 0), (1, 1)]
places = st.sampled_from(PLACES)
# Small numbers meet each other: shortages, balances of zero, counts that are as booked.
quantities = st.integers(1, 8)
stock_lines = st.dictionaries(places, quantities, min_size=1, max_size=3)
held_lines = st.dictionaries(places, st.integers(1, 4), min_size=1, max_size=3)
deltas = st.dictionaries(places, st.integers(-8, 8).filter(bool), min_size=1, max_size=3)
ways = st.dictionaries(st.tuples(st.integers(0, 1), st.integers(0, 1)), quantities, min_size=1, max_size=3)
found = st.dictionaries(
    st.integers(0, 1),
    st.tuples(st.integers(0, 20), st.sampled_from(["nothing", "as booked", "otherwise"])),
    min_size=1,
    max_size=2,
)
# Few different times, so that several reservations end at the same moment.
seconds = st.sampled_from([1, 2, 3, 30])


@dataclasses.dataclass
class Held:
    """A reservation as the model knows it."""

    lines: Quantities
    expires_at: datetime
    state: str = "held"
    closed_at: datetime | None = None
    movement: int | None = None

    def is_held(self, now: datetime) -> bool:
        return self.state == "held" and now < self.expires_at

    def shown(self, now: datetime) -> tuple[str, datetime | None, int | None]:
        if self.state == "held" and not self.is_held(now):
            return "expired", self.expires_at, None
        return self.state, self.closed_at, self.movement


class Ledger(RuleBasedStateMachine):
    """Does to the service what it does to the model, with items and locations of its own."""

    numbers = itertools.count()
    held = Bundle("held")
    closed = Bundle("closed")
    recorded = Bundle("recorded")

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.now = NOW
        self.database = dataclasses.replace(database, clock=lambda: self.now)
        self.reader = database.connect()
        self.name = f"R{next(self.numbers)}"
        self.skus = [f"{self.name}-I{number}" for number in range(2)]
        self.codes = [f"{self.name}-L{number}" for number in range(2)]
        self.on_hand: Counter[Place] = Counter()
        self.reservations: dict[str, Held] = {}
        self.movements: dict[int, tuple[str, list[tuple[Place, int]]]] = {}
        self.reversed: set[int] = set()
        with self.database.work() as work:
            for sku in self.skus:
                items.create(work, sku=sku, name=sku)
            for code in self.codes:
                locations.create(work, code=code, name=code)
        opening = dict.fromkeys(PLACES, 12)
        self.move("receipt", list(opening.items()), self.lines(opening))

    def teardown(self) -> None:
        # Other examples are to find nothing that could expire; and nothing is left reserved in the end.
        self.now += timedelta(days=1)
        self.expire(100)
        self.check_the_tables()
        assert {reserved for _, reserved in self.stored().values()} <= {0}
        self.reader.close()

    # What people do

    @rule(target=recorded, lines=stock_lines, kind=st.sampled_from(["receipt", "issue"]))
    def receive_or_issue(self, lines: Quantities, kind: str) -> Any:
        sign = 1 if kind == "receipt" else -1
        moved = [(place, sign * quantity) for place, quantity in lines.items()]
        return self.move(kind, moved, self.lines(lines))

    @rule(target=recorded, lines=deltas)
    def adjust(self, lines: Quantities) -> Any:
        return self.move("adjustment", list(lines.items()), self.lines(lines, "delta"))

    @rule(target=recorded, lines=ways)
    def transfer(self, lines: Mapping[tuple[int, int], int]) -> Any:
        moved, asked = [], []
        for (item, source), quantity in lines.items():
            moved += [((item, source), -quantity), ((item, 1 - source), quantity)]
            way = {"from": self.codes[source], "to": self.codes[1 - source]}
            asked.append({"sku": self.skus[item], "quantity": quantity, **way})
        return self.move("transfer", moved, asked)

    @rule(target=recorded, location=st.integers(0, 1), found=found)
    def count(self, location: int, found: Mapping[int, tuple[int, str]]) -> Any:
        asked, differences, stale = [], [], []
        for item, (counted, expecting) in found.items():
            place = (item, location)
            booked = self.on_hand[place]
            line: dict[str, Any] = {"sku": self.skus[item], "counted": counted}
            if expecting != "nothing":
                line["expected"] = booked + (expecting == "otherwise")
            if expecting == "otherwise":
                stale.append((*place, booked + 1, booked))
            if counted != booked:
                differences.append((place, counted - booked))
            asked.append(line)
        refusal = ("count-stale", frozenset(stale)) if stale else self.shortage(differences)
        code = self.codes[location]
        movement = self.do(refusal, lambda work: counts.record(work, location=code, lines=asked, by="keeper"))
        return self.note("count", movement, differences)

    @rule(target=recorded, id=recorded)
    def reverse(self, id: int) -> Any:
        kind, lines = self.movements[id]
        undone = [(place, -delta) for place, delta in lines]
        refusal = self.shortage(undone)
        if kind == "reversal":
            refusal = ("not-reversible", frozenset())
        elif id in self.reversed:
            refusal = ("already-reversed", frozenset())
        movement = self.do(refusal, lambda work: movements.reverse(work, id, by="keeper"))
        if movement:
            self.reversed.add(id)
        return self.note("reversal", movement, undone)

    # An example without any reservation would say little.
    @initialize(target=held, lines=held_lines, seconds=seconds)
    def hold_first(self, lines: Quantities, seconds: int) -> Any:
        return self.hold(lines, seconds)

    @rule(target=held, lines=held_lines, seconds=seconds)
    def hold(self, lines: Quantities, seconds: int) -> Any:
        refusal = self.shortage([(place, -quantity) for place, quantity in lines.items()])
        until = self.now + timedelta(seconds=seconds)
        asked = self.lines(lines)
        held: Reservation | None = self.do(
            refusal,
            lambda work: reservations.hold(
                work, by="keeper", lines=asked, reference=self.name, expires_at=until.isoformat()
            ),
        )
        if held is None:
            return multiple()
        self.reservations[held.id] = Held(dict(lines), until)
        return held.id

    @rule(target=closed, id=consumes(held))
    def release(self, id: str) -> str:
        known = self.reservations[id]
        if self.close(known, lambda work: reservations.release(work, id)):
            known.state, known.closed_at = "released", self.now
        return id

    @rule(id=closed)
    def release_again(self, id: str) -> None:
        self.close(self.reservations[id], lambda work: reservations.release(work, id))

    @rule(target=recorded, id=consumes(held))
    def fulfil(self, id: str) -> Any:
        known = self.reservations[id]
        movement: list[Movement] = []
        if not self.close(known, lambda work: movement.append(reservations.fulfil(work, id, by="keeper"))):
            return multiple()
        known.state, known.closed_at, known.movement = "fulfilled", self.now, movement[0].id
        return self.note("issue", movement[0], [(place, -number) for place, number in known.lines.items()])

    # What time does

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(id=held, milliseconds=st.integers(-1, 1))
    def wait_for_the_end(self, id: str, milliseconds: int) -> None:
        """Go to the moment a reservation ends, or just before or after it; time never goes back."""
        self.now = max(self.now, self.reservations[id].expires_at + timedelta(milliseconds=milliseconds))

    @precondition(lambda self: any(one.state == "held" for one in self.reservations.values()))
    @rule(limit=st.integers(1, 3))
    def expire(self, limit: int) -> None:
        overdue = [
            one for one in self.reservations.values() if one.state == "held" and not one.is_held(self.now)
        ]
        overdue.sort(key=lambda one: one.expires_at)
        closed = self.do(None, lambda work: reservations.expire(work, limit))
        assert closed == min(limit, len(overdue))
        states = self.stored_states()
        # Of those that ended at the same moment, either may be first.
        for key, known in self.reservations.items():
            if any(known is one for one in overdue) and states[key] == "expired":
                known.state, known.closed_at = "expired", known.expires_at
        left = [one for one in overdue if one.state == "held"]
        assert len(overdue) - len(left) == closed
        assert all(one.expires_at >= overdue[closed - 1].expires_at for one in left if closed)

    # What always holds

    @invariant()
    def check_the_tables(self) -> None:
        stored = self.stored()
        assert all(0 <= reserved <= on_hand for on_hand, reserved in stored.values())
        assert {place: on_hand for place, (on_hand, _) in stored.items() if on_hand} == +self.on_hand
        lines = tables.reservation_lines
        held = self.sums(lines, sa.func.sum(lines.c.quantity), lines.c.held)
        assert {place: reserved for place, (_, reserved) in stored.items() if reserved} == held

    @invariant()
    def check_that_the_ledger_rebuilds_the_levels(self) -> None:
        lines = tables.movement_lines
        query = self.of_places(lines, lines.c.movement_id, lines.c.delta)
        balances: Counter[Place] = Counter()
        entries = self.reader.execute(query.order_by(lines.c.movement_id, lines.c.line)).all()
        for number, movement in itertools.groupby(entries, lambda entry: entry.movement_id):
            written = [(self.place(entry), entry.delta) for entry in movement]
            assert written == self.movements[number][1]
            for place, delta in written:
                balances[place] += delta
            assert min(balances.values()) >= 0
        assert {place: on_hand for place, (on_hand, _) in self.stored().items() if on_hand} == {
            place: balance for place, balance in balances.items() if balance
        }

    @invariant()
    def check_what_is_shown_of_the_levels(self) -> None:
        shown = {}
        for item, sku in enumerate(self.skus):
            for level in levels.list_levels(self.reader, _FIRST, sku=sku, now=self.now).rows:
                shown[item, self.codes.index(level.location)] = (
                    level.on_hand,
                    level.reserved,
                    level.available,
                )
        for place in PLACES:
            on_hand, available = self.on_hand[place], self.available(place)
            assert shown.get(place, (0, 0, 0)) == (on_hand, on_hand - available, available)

    @invariant()
    def check_what_is_shown_of_the_reservations(self) -> None:
        page = reservations.list_reservations(self.reader, _FIRST, now=self.now, reference=self.name)
        shown = {one.id: (one.state, one.closed_at, one.movement) for one in page.rows}
        assert shown == {key: known.shown(self.now) for key, known in self.reservations.items()}

    # The model

    def available(self, place: Place) -> int:
        held = (one.lines.get(place, 0) for one in self.reservations.values() if one.is_held(self.now))
        return self.on_hand[place] - sum(held)

    def shortage(self, lines: Iterable[tuple[Place, int]]) -> Refusal | None:
        net: Counter[Place] = Counter()
        for place, delta in lines:
            net[place] += delta
        short = {
            (*place, -delta, self.available(place))
            for place, delta in net.items()
            if delta < 0 and -delta > self.available(place)
        }
        return ("insufficient-stock", frozenset(short)) if short else None

    def move(self, kind: Any, lines: list[tuple[Place, int]], asked: list[dict[str, Any]]) -> Any:
        movement = self.do(
            self.shortage(lines), lambda work: movements.record(work, kind=kind, lines=asked, by="keeper")
        )
        return self.note(kind, movement, lines)

    def note(
        self, kind: str, movement: Movement | None, lines: list[tuple[Place, int]]
    ) -> int | MultipleResults[int]:
        """Have the model follow a movement that was recorded."""
        if movement is None:
            return multiple()
        assert movement.kind == kind
        assert [(self.place_of(line.sku, line.location), line.delta) for line in movement.lines] == lines
        for place, delta in lines:
            self.on_hand[place] += delta
        self.movements[movement.id] = kind, lines
        return movement.id

    def close(self, known: Held, action: Callable[[Work], None]) -> bool:
        refusal = None if known.is_held(self.now) else ("reservation-closed", frozenset[Any]())
        self.do(refusal, action)
        return refusal is None

    def do(self, refusal: Refusal | None, action: Callable[[Work], T]) -> T | None:
        """Do it, and see that it is refused exactly when and as the model says."""
        result, refused = None, None
        try:
            with self.database.work() as work:
                result = action(work)
        except DomainError as error:
            refused = error.code, self.faults(error)
        assert refused == refusal
        return result

    # The service

    def faults(self, error: DomainError) -> frozenset[tuple[Any, ...]]:
        names = {"shortages": ("requested", "available"), "stale": ("expected", "on_hand")}
        listed: Any = error.members
        return frozenset(
            (*self.place_of(line["sku"], line["location"]), *(line[name] for name in names[member]))
            for member, lines in listed.items()
            for line in lines
        )

    def lines(self, quantities: Quantities, name: str = "quantity") -> list[dict[str, Any]]:
        return [
            {"sku": self.skus[item], "location": self.codes[location], name: number}
            for (item, location), number in quantities.items()
        ]

    def place_of(self, sku: str, code: str) -> Place:
        return self.skus.index(sku), self.codes.index(code)

    def place(self, row: Any) -> Place:
        return self.place_of(row.sku, row.code)

    def stored(self) -> dict[Place, tuple[int, int]]:
        query = self.of_places(tables.levels, tables.levels.c.on_hand, tables.levels.c.reserved)
        return {self.place(row): (row.on_hand, row.reserved) for row in self.reader.execute(query)}

    def sums(self, table: sa.Table, total: Any, *where: Any) -> dict[Place, int]:
        query = self.of_places(table, total.label("total")).where(*where)
        grouped = query.group_by(tables.items.c.sku, tables.locations.c.code)
        return {self.place(row): int(row.total) for row in self.reader.execute(grouped)}

    def of_places(self, table: sa.Table, *columns: Any) -> sa.Select[*tuple[Any, ...]]:
        """What a table tells about the places of this example."""
        query = sa.select(tables.items.c.sku, tables.locations.c.code, *columns)
        return (
            query.join_from(table, tables.items)
            .join(tables.locations)
            .where(tables.items.c.sku.in_(self.skus))
        )

    def stored_states(self) -> dict[str, str]:
        table = tables.reservations
        query = sa.select(table.c.id, table.c.state).where(table.c.reference == self.name)
        return {row.id: row.state for row in self.reader.execute(query)}


_FIRST = PageRequest(page=None, per_page=100, cursor=None, exact=False)


def test_the_ledger_does_what_the_model_does(database: Database) -> None:
    keeper = {"username": "keeper", "email": "keeper@example.com", "password_hash": "-", "role": "clerk"}
    with database.work() as work:
        work.connection.execute(tables.users.insert(), keeper | {"disabled": False, "created_at": work.now})
    run_state_machine_as_test(
        # Any call that makes a machine will do, which the types of Hypothesis do not tell.
        cast("Any", lambda: Ledger(database)),
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=50,
            stateful_step_count=30,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
