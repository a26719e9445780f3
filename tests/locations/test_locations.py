"""Locations: lists, single locations, changes under preconditions, and archiving what holds no stock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from handlers._versions import expected_by
from stockroom.db.database import Database
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import (
    DomainError,
    InvalidRequest,
    ItemArchived,
    ItemInUse,
    LocationArchived,
    LocationInUse,
    LocationTaken,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
)
from stockroom.items import actions as items
from stockroom.locations import actions as locations
from stockroom.locations.model import Location
from stockroom.stock.model import Movement

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

AtOnce = Callable[..., list[object]]
Shelves = Any


def work(database: Database, minutes: int = 0) -> Work:
    return Work(database.connect, NOW + timedelta(minutes=minutes))


def create(database: Database, code: str, *, minutes: int = 0, **members: Any) -> Location:
    with work(database, minutes) as begun:
        return locations.create(begun, code=code, **{"name": f"Location {code}", **members})


def update(database: Database, code: str, if_match: str | None, **changes: Any) -> Location:
    with work(database, 1) as begun:
        return locations.update(begun, code, expected=expected_by(if_match), changes=changes)


def archive(database: Database, code: str, if_match: str | None) -> None:
    with work(database, 1) as begun:
        locations.archive(begun, code, expected=expected_by(if_match))


def ask(reader: sa.Connection, *, cursor: str | None = None, **asked: Any) -> Page[Location]:
    request = PageRequest(page=None, per_page=asked.pop("per_page", 20), cursor=cursor, exact=False)
    return locations.list_locations(reader, request, **asked)


def codes(page: Page[Location]) -> list[str]:
    return [location.code for location in page.rows]


# Single locations


def test_a_created_location_is_read_as_it_was_answered(database: Database, reader: sa.Connection) -> None:
    location = create(database, "A-01", description="Left")
    assert location == Location("A-01", "Location A-01", "Left", False, 1, NOW, NOW)
    assert locations.read(reader, "A-01") == location


def test_an_unknown_location_is_not_found(reader: sa.Connection) -> None:
    with pytest.raises(NotFound):
        locations.read(reader, "A-01")


def test_a_code_is_taken_once_and_for_all(database: Database, reader: sa.Connection) -> None:
    first = create(database, "A-01")
    with pytest.raises(LocationTaken):
        create(database, "A-01", name="Another")
    assert locations.read(reader, "A-01") == first
    archive(database, "A-01", "*")
    with pytest.raises(LocationTaken):
        create(database, "A-01")


def test_of_two_who_create_the_same_location_one_succeeds(database: Database, at_once: AtOnce) -> None:
    for number in range(20):
        outcomes = at_once(*[lambda number=number: create(database, f"A-{number}")] * 2)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Location", "LocationTaken"]


# Changes


def test_a_patch_changes_what_it_names_and_nothing_else(database: Database, reader: sa.Connection) -> None:
    other = create(database, "A-02")
    create(database, "A-01", description="Left")
    after = update(database, "A-01", '"v1"', name="Aisle A")
    assert after == Location("A-01", "Aisle A", "Left", False, 2, NOW, NOW + timedelta(minutes=1))
    assert locations.read(reader, "A-01") == after
    assert update(database, "A-01", '"v2"', description=None).description is None
    assert locations.read(reader, "A-02") == other


def test_a_patch_that_changes_nothing_makes_no_version(database: Database, reader: sa.Connection) -> None:
    before = create(database, "A-01")
    assert update(database, "A-01", '"v1"', name="Location A-01", archived=False) == before
    assert locations.read(reader, "A-01") == before


@pytest.mark.parametrize("change", [update, archive])
def test_preconditions_are_judged_after_existence(database: Database, change: Callable[..., object]) -> None:
    with pytest.raises(NotFound):
        change(database, "A-01", None)
    create(database, "A-01")
    with pytest.raises(PreconditionRequired):
        change(database, "A-01", None)
    with pytest.raises(PreconditionFailed, match='"v1"'):
        change(database, "A-01", '"v2"')


def test_of_two_who_know_the_same_version_one_succeeds(database: Database, at_once: AtOnce) -> None:
    create(database, "A-01")
    for version in range(1, 21):
        known = f'"v{version}"'
        outcomes = at_once(
            lambda known=known: update(database, "A-01", known, name=f"{known} by a"),
            lambda known=known: update(database, "A-01", known, name=f"{known} by b"),
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Location", "PreconditionFailed"]


# Archiving


def archive_item(database: Database, sku: str) -> None:
    with work(database, 1) as begun:
        items.archive(begun, sku, expected=expected_by("*"))


def patch_item(database: Database, sku: str) -> None:
    with work(database, 1) as begun:
        items.update(begun, sku, expected=expected_by("*"), changes={"archived": True, "name": "Gone"})


def patch(database: Database, code: str) -> None:
    update(database, code, "*", archived=True, name="Gone")


@pytest.mark.parametrize("way", [patch, lambda database, code: archive(database, code, "*")])
def test_a_location_that_holds_stock_is_not_archived(
    database: Database, reader: sa.Connection, shelves: Shelves, way: Callable[..., None]
) -> None:
    shelves.items("axe", "bag")
    shelves.locations("A-01", "A-02")
    shelves.move("axe", "A-01", 1)
    shelves.move("bag", "A-01", 2)
    shelves.move("bag", "A-01", -2)
    before = locations.read(reader, "A-01")
    with pytest.raises(LocationInUse):
        way(database, "A-01")
    assert locations.read(reader, "A-01") == before
    way(database, "A-02")
    shelves.move("axe", "A-01", -1)
    way(database, "A-01")
    assert locations.read(reader, "A-01").archived


@pytest.mark.parametrize("way", [patch_item, archive_item])
def test_an_item_of_which_there_is_stock_is_not_archived(
    database: Database, reader: sa.Connection, shelves: Shelves, way: Callable[..., None]
) -> None:
    shelves.items("axe", "bag")
    shelves.locations("A-01", "A-02")
    shelves.move("axe", "A-01", 2)
    shelves.move("axe", "A-01", -2)
    shelves.move("axe", "A-02", 1)
    before = items.read(reader, "axe")
    with pytest.raises(ItemInUse):
        way(database, "axe")
    assert items.read(reader, "axe") == before
    way(database, "bag")
    shelves.move("axe", "A-02", -1)
    way(database, "axe")
    assert items.read(reader, "axe").archived


def test_what_holds_stock_can_be_changed_otherwise(database: Database, shelves: Shelves) -> None:
    shelves.items("axe")
    shelves.locations("A-01")
    shelves.move("axe", "A-01", 1)
    assert update(database, "A-01", "*", name="Aisle A", archived=False).name == "Aisle A"


def test_preconditions_come_before_what_is_in_use(database: Database, shelves: Shelves) -> None:
    shelves.items("axe")
    shelves.locations("A-01")
    shelves.move("axe", "A-01", 1)
    with pytest.raises(PreconditionFailed):
        archive(database, "A-01", '"v7"')


def test_archiving_happens_once_and_is_undone_by_a_patch(database: Database, reader: sa.Connection) -> None:
    create(database, "A-01")
    archive(database, "A-01", '"v1"')
    archived = locations.read(reader, "A-01")
    archive(database, "A-01", '"v2"')
    assert locations.read(reader, "A-01") == archived
    back = update(database, "A-01", '"v2"', archived=False)
    assert (back.archived, back.version) == (False, 3)


@pytest.mark.parametrize(
    ("archive_it", "in_use", "archived"),
    [
        (lambda database, number: archive(database, f"A-{number}", "*"), LocationInUse, LocationArchived),
        (lambda database, number: archive_item(database, f"s{number}"), ItemInUse, ItemArchived),
    ],
)
def test_of_a_receipt_and_an_archiving_at_once_one_succeeds(
    database: Database,
    shelves: Shelves,
    at_once: AtOnce,
    archive_it: Callable[[Database, int], None],
    in_use: type[DomainError],
    archived: type[DomainError],
) -> None:
    for number in range(50):
        shelves.items(f"s{number}")
        shelves.locations(f"A-{number}")
        received, refusal = at_once(
            lambda number=number: shelves.move(f"s{number}", f"A-{number}", 1),
            lambda number=number: archive_it(database, number),
        )
        if isinstance(received, Movement):
            assert isinstance(refusal, in_use)
        else:
            assert isinstance(received, archived)
            assert refusal is None


@pytest.mark.parametrize(
    ("archive_it", "in_use"),
    [
        (lambda database: archive(database, "A-01", "*"), LocationInUse),
        (lambda database: archive_item(database, "axe"), ItemInUse),
    ],
)
def test_an_archiving_waits_for_the_receipt_that_came_first(
    database: Database,
    shelves: Shelves,
    at_once: AtOnce,
    archive_it: Callable[[Database], None],
    in_use: type[DomainError],
) -> None:
    if database.name == "sqlite":
        pytest.skip("SQLite has one writer: the second does not begin before the first has ended")
    shelves.items("axe")
    shelves.locations("A-01")
    receipt = shelves.work()
    shelves.record(receipt, "axe", "A-01", 1)
    refusal, _ = at_once(lambda: archive_it(database), lambda: commit_once_waited_for(database, receipt))
    assert isinstance(refusal, in_use)


def commit_once_waited_for(database: Database, first: Work) -> None:
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with database.connect() as reader:
        while not reader.scalar(waiting):
            pass
    first.commit()


# Lists


@pytest.fixture
def places(database: Database) -> list[Location]:
    """Names with ties; every fifth is archived."""
    names = ("Aisle", "Cellar", "Yard_1")
    made = [create(database, f"A-{n * 7 % 30:02}", name=names[n % 3]) for n in range(30)]
    for location in made[::5]:
        archive(database, location.code, "*")
    with database.connect() as connection:
        return [locations.read(connection, location.code) for location in made]


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("sort", ["code", "name"])
def test_every_order_is_total_and_turns_round(
    reader: sa.Connection, places: list[Location], sort: str, archived: bool
) -> None:
    chosen = [place for place in places if place.archived is archived]
    expected = sorted(chosen, key=lambda place: (getattr(place, sort), place.code))
    assert list(ask(reader, sort=sort, archived=archived, per_page=100).rows) == expected
    assert list(ask(reader, sort=f"-{sort}", archived=archived, per_page=100).rows) == expected[::-1]


@pytest.mark.parametrize("sort", ["code", "-code", "name", "-name"])
def test_a_walk_meets_each_location_once(reader: sa.Connection, places: list[Location], sort: str) -> None:
    page = ask(reader, sort=sort, per_page=7)
    met = codes(page)
    while page.next is not None:
        page = ask(reader, sort=sort, per_page=7, cursor=page.next)
        met += codes(page)
    assert sorted(met) == sorted(place.code for place in places if not place.archived)


@pytest.mark.parametrize(("q", "name"), [("yard_", "Yard_1"), ("ELLA", "Cellar"), ("%", None), ("\0", None)])
def test_q_finds_text_in_the_name(
    reader: sa.Connection, places: list[Location], q: str, name: str | None
) -> None:
    found = ask(reader, q=q, per_page=100)
    assert codes(found) == sorted(place.code for place in places if place.name == name and not place.archived)
    assert found.total == len(found.rows)


def test_q_finds_text_in_the_code(reader: sa.Connection, places: list[Location]) -> None:
    found = codes(ask(reader, q="a-1"))
    assert found == sorted(p.code for p in places if p.code.startswith("A-1") and not p.archived)
    assert found


def test_a_cursor_fits_its_order_only(reader: sa.Connection, places: list[Location]) -> None:
    cursor = ask(reader, sort="name", per_page=3).next
    with pytest.raises(InvalidRequest):
        ask(reader, sort="code", cursor=cursor)
