"""The catalogue: lists, single items, changes under preconditions, and what parallel writers meet."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from handlers._versions import expected_by
from stockroom.db import tables
from stockroom.db.cursors import LONGEST
from stockroom.db.database import Database
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import InvalidRequest, NotFound, PreconditionFailed, PreconditionRequired, SkuTaken
from stockroom.http.entity_tags import matches_strongly
from stockroom.items import actions as items
from stockroom.items.model import Item
from stockroom.items.upserts import upsert_many

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)

AtOnce = Callable[..., list[object]]


def work(database: Database, minutes: int = 0) -> Work:
    return Work(database.connect, NOW + timedelta(minutes=minutes))


def create(database: Database, sku: str, *, minutes: int = 0, **members: Any) -> Item:
    with work(database, minutes) as begun:
        return items.create(begun, sku=sku, **{"name": f"Item {sku}", **members})


def update(database: Database, sku: str, if_match: str | None, **changes: Any) -> Item:
    with work(database, 1) as begun:
        return items.update(begun, sku, expected=expected_by(if_match), changes=changes)


def archive(database: Database, sku: str, if_match: str | None) -> None:
    with work(database, 1) as begun:
        items.archive(begun, sku, expected=expected_by(if_match))


def ask(
    reader: sa.Connection, *, page: int | None = None, cursor: str | None = None, **asked: Any
) -> Page[Item]:
    request = PageRequest(page=page, per_page=asked.pop("per_page", 20), cursor=cursor, exact=False)
    return items.list_items(reader, request, **asked)


def skus(page: Page[Item]) -> list[str]:
    return [item.sku for item in page.rows]


# Single items


def test_a_created_item_is_read_as_it_was_answered(database: Database, reader: sa.Connection) -> None:
    item = create(
        database, "22411", description="Red", unit="box", reorder_point=25, tags=["new", "bags", "new"]
    )
    assert item == Item("22411", "Item 22411", "Red", "box", 25, ("bags", "new"), False, 1, NOW, NOW)
    assert items.read(reader, "22411") == item


def test_what_is_not_said_of_an_item_has_a_default(database: Database, reader: sa.Connection) -> None:
    create(database, "22411")
    item = items.read(reader, "22411")
    assert (item.description, item.unit, item.reorder_point, item.tags) == (None, "piece", None, ())


def test_an_unknown_item_is_not_found(database: Database, reader: sa.Connection) -> None:
    with pytest.raises(NotFound):
        items.read(reader, "22411")


def test_a_sku_is_taken_once_and_for_all(database: Database, reader: sa.Connection) -> None:
    first = create(database, "22411", tags=["bags"])
    with pytest.raises(SkuTaken):
        create(database, "22411", name="Another", tags=["other"])
    assert items.read(reader, "22411") == first
    archive(database, "22411", "*")
    with pytest.raises(SkuTaken):
        create(database, "22411")


def test_a_refused_creation_leaves_its_transaction_usable(database: Database, reader: sa.Connection) -> None:
    create(database, "22411")
    with work(database) as begun:
        with pytest.raises(SkuTaken):
            items.create(begun, sku="22411", name="Another")
        items.create(begun, sku="22412", name="Next")
    assert items.read(reader, "22412").name == "Next"


# Changes


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Jumbo"},
        {"description": None, "reorder_point": None},
        {"unit": "box", "tags": ["z", "a"]},
        {"tags": []},
        {"archived": True},
    ],
)
def test_a_patch_changes_what_it_names_and_nothing_else(
    database: Database, reader: sa.Connection, changes: dict[str, Any]
) -> None:
    create(database, "other", tags=["bags"])
    before = create(database, "22411", description="Red", reorder_point=25, tags=["bags"])
    after = update(database, "22411", '"v1"', **changes)
    for name in ("sku", "name", "description", "unit", "reorder_point", "archived", "created_at"):
        assert getattr(after, name) == changes.get(name, getattr(before, name))
    assert after.tags == tuple(sorted(changes.get("tags", before.tags)))
    assert (after.version, after.updated_at) == (2, NOW + timedelta(minutes=1))
    assert items.read(reader, "22411") == after
    assert items.read(reader, "other").tags == ("bags",)


@pytest.mark.parametrize(
    "changes",
    [{}, {"name": "Item 22411"}, {"tags": ["new", "bags"], "archived": False}, {"description": None}],
)
def test_a_patch_that_changes_nothing_makes_no_version(
    database: Database, reader: sa.Connection, changes: dict[str, Any]
) -> None:
    before = create(database, "22411", tags=["bags", "new"])
    assert update(database, "22411", '"v1"', **changes) == before
    assert items.read(reader, "22411") == before


def test_an_archived_item_comes_back_by_a_patch(database: Database) -> None:
    create(database, "22411")
    archive(database, "22411", '"v1"')
    back = update(database, "22411", '"v2"', archived=False)
    assert (back.archived, back.version) == (False, 3)


def test_archiving_keeps_the_item_and_happens_once(database: Database, reader: sa.Connection) -> None:
    create(database, "22411", tags=["bags"])
    archive(database, "22411", '"v1"')
    archived = items.read(reader, "22411")
    assert (archived.archived, archived.version, archived.tags) == (True, 2, ("bags",))
    archive(database, "22411", '"v2"')
    assert items.read(reader, "22411") == archived
    with pytest.raises(PreconditionFailed):
        archive(database, "22411", '"v1"')


@pytest.mark.parametrize("change", [update, archive])
def test_preconditions_are_judged_after_existence(database: Database, change: Callable[..., object]) -> None:
    with pytest.raises(NotFound):
        change(database, "22411", None)
    create(database, "22411")
    with pytest.raises(PreconditionRequired):
        change(database, "22411", None)
    with pytest.raises(PreconditionFailed, match='"v1"'):
        change(database, "22411", '"v2"')


@pytest.mark.parametrize(
    ("if_match", "expected"),
    [
        ('"v7"', True),
        ("*", True),
        (' "v7" ', True),
        ('"v6", "v7"', True),
        ('"v6","v7"', True),
        (',"v6", ,"v7",', True),
        ('W/"v6", "v7"', True),
        ('W/"v7"', False),
        ('"v6", W/"v7"', False),
        ('"v70"', False),
        ('"V7"', False),
        ('"v6, v7"', False),
        ('"x, "v7"', False),
        ("v7", False),
        ('"v7" "v6"', False),
        ('*, "v7"', False),
        ("", False),
        ('"' * 500, False),
        ("," * 500, False),
    ],
)
def test_if_match_compares_strongly(if_match: str, expected: bool) -> None:
    assert matches_strongly(if_match, '"v7"') is expected


# Parallel writers


def test_of_two_who_know_the_same_version_one_succeeds(database: Database, at_once: AtOnce) -> None:
    create(database, "22411", tags=["first"])
    for version in range(1, 51):
        known = f'"v{version}"'
        outcomes = at_once(
            lambda known=known: update(
                database, "22411", known, name=f"{known} by a", tags=["a", known[1:-1]]
            ),
            lambda known=known: update(
                database, "22411", known, name=f"{known} by b", tags=["b", known[1:-1]]
            ),
        )
        [success] = [outcome for outcome in outcomes if isinstance(outcome, Item)]
        [refusal] = [outcome for outcome in outcomes if not isinstance(outcome, Item)]
        assert isinstance(refusal, PreconditionFailed)
        with database.connect() as connection:
            assert items.read(connection, "22411") == success
        assert success.version == version + 1


def test_writers_who_know_no_version_follow_one_another(database: Database, at_once: AtOnce) -> None:
    create(database, "22411", tags=["first"])
    for turn in range(1, 51):
        a, b = at_once(
            lambda turn=turn: update(database, "22411", "*", tags=["a", f"a{turn}"]),
            lambda turn=turn: update(database, "22411", "*", description=f"Turn {turn}"),
        )
        assert isinstance(a, Item)
        assert isinstance(b, Item)
        with database.connect() as connection:
            last = items.read(connection, "22411")
        # Neither wrote over the other's change with what it had read before.
        assert (last.tags, last.description) == (("a", f"a{turn}"), f"Turn {turn}")
        assert last.version == 1 + 2 * turn
        assert last in (a, b)


def test_of_two_who_create_the_same_item_one_succeeds(database: Database, at_once: AtOnce) -> None:
    for number in range(50):
        outcomes = at_once(
            lambda number=number: create(database, f"s{number}", tags=["a"]),
            lambda number=number: create(database, f"s{number}", tags=["b"]),
        )
        [success] = [outcome for outcome in outcomes if isinstance(outcome, Item)]
        [refusal] = [outcome for outcome in outcomes if not isinstance(outcome, Item)]
        assert isinstance(refusal, SkuTaken)
        with database.connect() as connection:
            assert items.read(connection, f"s{number}") == success


# Lists


@pytest.fixture
def catalogue(database: Database) -> list[Item]:
    """Names, and times of creation and of change, each with ties."""
    names = ("Lantern", "bag", "Äpfel", "Lantern red", "50%_off\\/", "500 off")
    made = [
        create(
            database,
            f"s{number * 7 % 60:03}",
            minutes=number % 4,
            name=names[number % len(names)],
            tags=[f"t{number % 3}", *(["rare"] if number == 9 else [])],
        )
        for number in range(60)
    ]
    for number in range(0, 60, 10):
        archive(database, made[number].sku, "*")
    with database.connect() as connection:
        return [items.read(connection, item.sku) for item in made]


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("sort", ["sku", "name", "created_at", "updated_at"])
def test_every_order_is_total_and_turns_round(
    reader: sa.Connection, catalogue: list[Item], sort: str, archived: bool
) -> None:
    chosen = [item for item in catalogue if item.archived is archived]
    expected = sorted(chosen, key=lambda item: (getattr(item, sort), item.sku))
    if sort == "name":
        # Databases sort text by their own collation.
        expected = sorted(chosen, key=lambda item: (names_in_order(reader).index(item.name), item.sku))
    assert list(ask(reader, sort=sort, archived=archived, per_page=100).rows) == expected
    assert list(ask(reader, sort=f"-{sort}", archived=archived, per_page=100).rows) == expected[::-1]


def names_in_order(reader: sa.Connection) -> Sequence[str]:
    name = tables.items.c.name
    return reader.scalars(sa.select(name).group_by(name).order_by(name))


def test_items_are_listed_by_sku_and_without_the_archived(
    reader: sa.Connection, catalogue: list[Item]
) -> None:
    page = ask(reader, per_page=100)
    assert skus(page) == sorted(item.sku for item in catalogue if not item.archived)
    assert (page.total, page.total_is_exact, page.page) == (54, True, 1)


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("LANTERN", {"Lantern", "Lantern red"}),
        ("n r", {"Lantern red"}),
        ("Bag", {"bag"}),
        ("pfel", {"Äpfel"}),
        ("Äpfel", {"Äpfel"}),
        ("%", {"50%_off\\/"}),
        ("50%", {"50%_off\\/"}),
        ("_", {"50%_off\\/"}),
        ("\\", {"50%_off\\/"}),
        ("/", {"50%_off\\/"}),
        ("off", {"50%_off\\/", "500 off"}),
        ("lan\0tern", set()),
        ("nothing", set()),
    ],
)
def test_q_finds_text_anywhere_in_the_name_whatever_its_case(
    reader: sa.Connection, catalogue: list[Item], q: str, names: set[str]
) -> None:
    page = ask(reader, q=q, per_page=100)
    assert skus(page) == sorted(item.sku for item in catalogue if item.name in names and not item.archived)
    assert page.total == len(page.rows)


def test_q_finds_text_in_the_sku(reader: sa.Connection, catalogue: list[Item]) -> None:
    assert skus(ask(reader, q="S01")) == [f"s01{n}" for n in range(10) if f"s01{n}" != "s010"]


def test_a_tag_is_found_as_a_whole(reader: sa.Connection, catalogue: list[Item]) -> None:
    assert skus(ask(reader, tag="rare")) == [catalogue[9].sku]
    assert ask(reader, tag="rar").rows == ()
    assert ask(reader, tag="t1").total == sum("t1" in item.tags and not item.archived for item in catalogue)


def test_filters_are_joined_by_and(reader: sa.Connection, catalogue: list[Item]) -> None:
    found = ask(reader, q="lantern", tag="t0", archived=True, per_page=100)
    expected = [i for i in catalogue if "Lantern" in i.name and "t0" in i.tags and i.archived]
    assert skus(found) == sorted(item.sku for item in expected)
    assert expected


@pytest.mark.parametrize("sort", ["sku", "-sku", "name", "-name", "created_at", "-updated_at"])
def test_a_walk_meets_each_item_once_while_others_come_and_go(
    database: Database, reader: sa.Connection, catalogue: list[Item], sort: str
) -> None:
    met: list[str] = []
    page = ask(reader, sort=sort, per_page=7)
    for number in range(100):
        met += skus(page)
        if page.next is None:
            break
        create(database, f"s{number:03}-new", name="Lantern", minutes=number % 4)
        archive(database, skus(page)[-1], "*")
        page = ask(reader, sort=sort, per_page=7, cursor=page.next)
    kept = [sku for sku in met if not sku.endswith("-new")]
    assert sorted(kept) == sorted(item.sku for item in catalogue if not item.archived)
    assert len(met) == len(set(met))


def test_a_walk_goes_on_where_names_are_as_long_as_can_be(database: Database, reader: sa.Connection) -> None:
    chance = random.Random(1)  # noqa: S311 - Guards nothing; the same each time.
    for number in range(6):
        name = "".join(chr(chance.randrange(0x10000, 0x110000)) for _ in range(200))
        letters = "".join(
            chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=63)
        )
        create(database, f"{number}{letters}", name=name)
    page = ask(reader, sort="-name", per_page=1)
    met = skus(page)
    while page.next is not None:
        assert len(page.next) <= LONGEST
        page = ask(reader, sort="-name", per_page=1, cursor=page.next)
        met += skus(page)
    assert len(set(met)) == 6


def test_a_cursor_fits_its_order_only(reader: sa.Connection, catalogue: list[Item]) -> None:
    cursor = ask(reader, sort="name").next
    with pytest.raises(InvalidRequest):
        ask(reader, sort="-name", cursor=cursor)
    with pytest.raises(InvalidRequest):
        ask(reader, cursor="no-cursor")
    with pytest.raises(InvalidRequest):
        ask(reader, cursor=cursor, sort="name", page=2)


@pytest.mark.parametrize(("count", "total_is_exact"), [(10_000, True), (10_001, False)])
def test_ten_thousand_items_are_counted_and_not_one_more(
    database: Database, reader: sa.Connection, count: int, total_is_exact: bool
) -> None:
    numbers = range(count)
    for start in range(0, count, 1_000):
        rows = [{"sku": f"s{n:05}", "name": "Item"} for n in numbers[start : start + 1_000]]
        with work(database) as begun:
            upsert_many(begun.connection, rows, now=begun.now)
    page = ask(reader, page=2)
    assert (page.total, page.total_is_exact) == (10_000, total_is_exact)
    everything = PageRequest(page=None, per_page=1, cursor=None, exact=True)
    found = items.list_items(reader, everything)
    assert (found.total, found.total_is_exact) == (count, True)
