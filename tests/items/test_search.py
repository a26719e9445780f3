"""Items are found by text and tag, in whichever way is quicker, and by their indexes."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
import sqlalchemy as sa

from stockroom.db import pages
from stockroom.db.database import Database
from stockroom.db.lists import holding, pattern
from stockroom.db.pages import Page, PageRequest
from stockroom.db.tables import items as table
from stockroom.items import queries as items
from stockroom.items import search, search_pages, search_plans
from stockroom.items.model import Item
from stockroom.items.upserts import upsert_many
from tests.onlooker import onlooker

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NAMES = (
    "a",
    "ab",
    "abc",
    "Brass hinge 12 mm",
    "brasshinge",
    'it\'s \\ "quoted" & | ! : * (x) <->',
    "one\x01two\x01\x01",
    "\x01",
    "Äpfel, süß",
    "日本語の棚",
    "😀😀",
    "%_%",
    "  two  spaces",
)
NEEDLES = sorted(
    {
        name[start : start + length]
        for name in NAMES
        for start in range(len(name))
        for length in (1, 2, 3, 4, 7)
    }
    | {"s0", "S1", "-", "zz", "no such thing", "inge 1", "HINGE", "g b", "\n", "a\nb", "q" * 100}
)
WAYS = {
    "sorted": {},
    "common": {"SAMPLE": 0},
    "met on the way": {"EXACT_UP_TO": 1},
    "at the far end": {"EXACT_UP_TO": 1, "NEAR": 3, "NEAR_A_HIT": 0},
    "common at the far end": {"SAMPLE": 0, "EXACT_UP_TO": 1, "NEAR": 3, "NEAR_A_HIT": 0},
}


@pytest.fixture
def catalogue(database: Database) -> None:
    with database.work() as work:
        for number, name in enumerate(NAMES * 2):
            archived = number >= len(NAMES)
            item = Item(f"s{number}", name, None, "piece", None, (f"t{number % 3}",), archived, 1, NOW, NOW)
            items.insert(work, item)


@pytest.fixture
def reader(database: Database, catalogue: None) -> Iterator[sa.Connection]:
    with database.connect() as connection:
        yield connection


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in WAYS[request.param].items():
        for module in (search_plans, search_pages, pages):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)


def ask(
    reader: sa.Connection,
    q: str | None,
    tag: str | None,
    *,
    archived: bool = False,
    request: PageRequest = PageRequest(page=None, per_page=100, cursor=None, exact=False),  # noqa: B008 - frozen
    sort: str = "sku",
) -> Page[Item]:
    return items.page(reader, request, q=q, tag=tag, archived=archived, sort=sort)


@pytest.mark.usefixtures("way")
def test_every_way_finds_and_counts_the_same(reader: sa.Connection) -> None:
    for q, archived in product(NEEDLES, (False, True)):
        condition = sa.and_(table.c.archived.is_(archived), holding(table.c.sku, table.c.name))
        query = sa.select(table.c.sku).where(condition).order_by(table.c.sku)
        expected = list(reader.scalars(query, {"pattern": pattern(q)}))
        page = ask(reader, q, None, archived=archived)
        total = min(len(expected), pages.EXACT_UP_TO)
        assert ([item.sku for item in page.rows], page.total) == (expected, total), q


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("q", "tag", "found"),
    [
        (None, "t0", 5),
        (None, "t3", 0),
        ("s", "t0", 5),
        ("brass", "t0", 1),
        ("brass", "t1", 1),
        ("brass", "t2", 0),
        ("\0", "t0", 0),
        ("zz", "t0", 0),
    ],
)
def test_text_and_tag_narrow_each_other(reader: sa.Connection, q: str | None, tag: str, found: int) -> None:
    page = ask(reader, q, tag)
    assert (len(page.rows), page.total) == (found, min(found, pages.EXACT_UP_TO))
    assert all(tag in item.tags for item in page.rows)
    exact = PageRequest(page=None, per_page=1, cursor=None, exact=True)
    assert ask(reader, q, tag, request=exact).total == found


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sort", ["sku", "-sku", "-name", "created_at"])
@pytest.mark.parametrize(("q", "tag"), [("s", None), (None, "t1"), ("a", "t0"), ("no such thing", None)])
def test_every_way_has_the_same_pages(
    reader: sa.Connection, q: str | None, tag: str | None, sort: str
) -> None:
    expected = [item.sku for item in ask(reader, q, tag, sort=sort).rows]
    by_number, by_cursor, cursor = [], [], None
    for number in range(1, len(expected) // 2 + 3):
        request = PageRequest(page=number, per_page=2, cursor=None, exact=False)
        by_number += [item.sku for item in ask(reader, q, tag, request=request, sort=sort).rows]
        request = PageRequest(page=None, per_page=2, cursor=cursor, exact=False)
        if number == 1 or cursor is not None:
            page = ask(reader, q, tag, request=request, sort=sort)
            by_cursor += [item.sku for item in page.rows]
            cursor = page.next
    assert by_number == by_cursor == expected
    assert cursor is None


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("sort", ["sku", "-sku", "name"])
@pytest.mark.parametrize("archived", [False, True])
def test_a_tag_lists_who_carries_it(reader: sa.Connection, sort: str, archived: bool) -> None:
    first = len(NAMES) if archived else 0
    carry = [f"s{number}" for number in range(first, first + len(NAMES)) if number % 3 == 1]
    page = ask(reader, None, "t1", archived=archived, sort=sort)
    found = [item.sku for item in page.rows]
    assert sorted(found) == sorted(carry)
    if sort != "name":
        assert found == sorted(carry, reverse=sort == "-sku")
    assert page.total == min(len(carry), pages.EXACT_UP_TO)


def test_changed_tags_list_the_item_in_its_place(database: Database, catalogue: None) -> None:
    with database.work() as work:
        for sku in ("s7", "s2"):
            before = items.lock(work.connection, sku)
            assert before is not None
            items.save(work.connection, before, replace(before, tags=("t0", "new")))
        upsert_many(work.connection, [{"sku": sku, "name": sku, "tags": ["new"]} for sku in "pz"], now=NOW)
        upsert_many(work.connection, [{"sku": "s4", "name": "x", "tags": ["new", "t2"]}], now=NOW)
    with database.connect() as connection:
        listed = {tag: [item.sku for item in ask(connection, None, tag).rows] for tag in ("new", "t1", "t2")}
    assert listed == {
        "new": ["p", "s2", "s4", "s7", "z"],
        "t1": ["s1", "s10"],
        "t2": ["s11", "s4", "s5", "s8"],
    }


@pytest.fixture
def postgresql(_postgresql_url: str) -> Iterator[sa.Connection]:
    with onlooker(_postgresql_url).connect() as connection:
        # The tables are empty; what is asked is whether the index can be used at all.
        connection.execute(sa.text("SET enable_seqscan = off"))
        yield connection


@pytest.mark.parametrize(
    ("index", "condition"),
    [
        ("ix_items_trigrams", "item_trigrams(sku, name) @@ trigram_query('hinge')"),
        ("ix_items_trigrams", "item_trigrams(sku, name) @@ trigram_query('x')"),
        ("ix_items_archived_id", "archived"),
    ],
)
def test_the_index_of_a_search_answers_it(postgresql: sa.Connection, index: str, condition: str) -> None:
    plan = postgresql.scalars(sa.text(f"EXPLAIN SELECT id FROM items WHERE {condition}"))  # noqa: S608 - see above
    assert index in "\n".join(plan)


@pytest.mark.usefixtures("catalogue")
def test_what_was_written_of_late_is_merged_into_the_index(database: Database) -> None:
    with database.connect() as connection:
        search.merge_pending(connection)
        if connection.dialect.name == "postgresql":
            assert pending_pages(connection) == 0
        request = PageRequest(page=None, per_page=9, cursor=None, exact=True)
        found = items.page(connection, request, q="hinge", tag=None, archived=False, sort="sku")
        assert [item.sku for item in found.rows] == ["s3", "s4"]


@pytest.mark.usefixtures("catalogue")
def test_who_does_not_own_the_index_leaves_it_alone(database: Database) -> None:
    with database.connect() as connection:
        if connection.dialect.name != "postgresql":
            return  # SQLite has no such index, and no owners.
        connection.execute(sa.text("SET ROLE pg_monitor"))
        search.merge_pending(connection)
        connection.execute(sa.text("RESET ROLE"))
        assert pending_pages(connection) > 0


def pending_pages(connection: sa.Connection) -> int:
    """How many there were; now there are none."""
    pages: int = connection.scalar(sa.text("SELECT gin_clean_pending_list('ix_items_trigrams')"))
    return pages
