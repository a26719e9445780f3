"""Pages and cursors over a table of their own, in every direction, against every input."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stockroom.db import cursors
from stockroom.db.connections import Connection
from stockroom.db.database import Database
from stockroom.db.pages import Listing, Page, PageRequest, SortKey, paginate
from stockroom.db.statements import Statement
from stockroom.db.tables import Moment, items, users
from stockroom.errors import InvalidRequest
from tests.onlooker import onlooker

START = datetime(2026, 11, 22, tzinfo=UTC)

parcels = sa.Table(
    "parcels",
    sa.MetaData(),
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("colour", sa.String(200), nullable=False),
    sa.Column("sent", Moment, nullable=False),
    sa.Column("weight", sa.Integer, nullable=False),
)
EVERYTHING = sa.select(parcels)
ORDERS = {
    "one key": (SortKey(parcels.c.id),),
    "one key descending": (SortKey(parcels.c.id, descending=True),),
    "ties": (SortKey(parcels.c.colour), SortKey(parcels.c.id)),
    "ties descending": (SortKey(parcels.c.colour, descending=True), SortKey(parcels.c.id, descending=True)),
    "mixed": (SortKey(parcels.c.colour), SortKey(parcels.c.sent, descending=True), SortKey(parcels.c.id)),
    "mixed the other way": (
        SortKey(parcels.c.weight, descending=True),
        SortKey(parcels.c.sent),
        SortKey(parcels.c.id, descending=True),
    ),
}


@pytest.fixture
def reader(database: Database) -> Iterator[Connection]:
    parcels.create(onlooker(database.url))
    with database.connect() as connection:
        yield connection
    parcels.drop(onlooker(database.url))


def fill(database: Database, numbers: Sequence[int]) -> None:
    rows = [
        {
            "id": number,
            "colour": ("red", "green", "blue")[number % 3],
            "sent": START + timedelta(milliseconds=number % 5),
            "weight": number % 2,
        }
        for number in numbers
    ]
    with database.work() as work:
        work.connection.execute(sa.insert(parcels), rows)


def ask(
    reader: Connection, keys: Sequence[SortKey], query: sa.Select[Any] = EVERYTHING, **asked: Any
) -> Page[int]:
    request = PageRequest(**{"page": None, "per_page": 7, "cursor": None, "exact": False, **asked})
    return paginate(reader, Listing(query, keys), request=request, read=lambda row: int(row.id))


def walk(reader: Connection, keys: Sequence[SortKey]) -> Iterator[Page[int]]:
    page = ask(reader, keys)
    yield page
    while page.next is not None:
        page = ask(reader, keys, cursor=page.next)
        yield page


def in_order(reader: Connection, keys: Sequence[SortKey]) -> list[int]:
    columns = [key.column.desc() if key.descending else key.column.asc() for key in keys]
    return list(reader.scalars(sa.select(parcels.c.id).order_by(*columns)))


@pytest.mark.parametrize("keys", ORDERS.values(), ids=ORDERS)
def test_a_walk_by_cursor_meets_every_row_once_and_in_order(
    database: Database, reader: Connection, keys: Sequence[SortKey]
) -> None:
    fill(database, range(100))
    met = [number for page in walk(reader, keys) for number in page.rows]
    assert met == in_order(reader, keys)


@pytest.mark.parametrize("keys", ORDERS.values(), ids=ORDERS)
def test_numbered_pages_hold_the_same_rows_as_the_walk(
    database: Database, reader: Connection, keys: Sequence[SortKey]
) -> None:
    fill(database, range(100))
    for number, page in enumerate(walk(reader, keys), start=1):
        numbered = ask(reader, keys, page=number)
        assert (numbered.rows, numbered.next) == (page.rows, page.next)
        assert numbered.page == number
        assert page.page == (1 if number == 1 else None)


@pytest.mark.parametrize("keys", ORDERS.values(), ids=ORDERS)
def test_rows_that_stay_are_met_once_while_others_come_and_go(
    database: Database, reader: Connection, keys: Sequence[SortKey]
) -> None:
    staying = range(0, 200, 2)
    fill(database, staying)
    fill(database, range(1, 200, 4))
    coming = iter(range(3, 200, 4))
    met: list[int] = []
    for page in walk(reader, keys):
        met += page.rows
        fill(database, [next(coming)])
        with database.work() as work:
            passing = [number for number in page.rows if number not in staying]
            work.connection.execute(sa.delete(parcels).where(parcels.c.id.in_(passing)))
    assert sorted(number for number in met if number in staying) == list(staying)
    assert len(met) == len(set(met))


@pytest.mark.parametrize("count", [0, 1, 6, 7, 8, 14])
def test_the_last_page_has_no_next(database: Database, reader: Connection, count: int) -> None:
    if count:
        fill(database, range(count))
    pages = list(walk(reader, ORDERS["ties"]))
    assert [len(page.rows) for page in pages] == [7] * (count // 7) + [count % 7] * (
        count % 7 > 0 or not count
    )
    assert pages[-1].next is None
    assert {page.total for page in pages} == {count}


@pytest.mark.parametrize("number", [3, 1_000_000, 2**62, 2**70])
def test_a_page_beyond_the_end_is_empty(database: Database, reader: Connection, number: int) -> None:
    fill(database, range(14))
    page = ask(reader, ORDERS["ties"], page=number)
    assert (page.rows, page.next, page.total, page.page) == ((), None, 14, number)


@pytest.mark.parametrize(
    ("count", "exact", "total", "total_is_exact"),
    [(10_000, False, 10_000, True), (10_001, False, 10_000, False), (10_001, True, 10_001, True)],
)
def test_rows_are_counted_up_to_ten_thousand_unless_asked_for_all(
    database: Database, reader: Connection, count: int, exact: bool, total: int, total_is_exact: bool
) -> None:
    fill(database, range(count))
    page = ask(reader, ORDERS["one key"], exact=exact)
    assert (page.total, page.total_is_exact) == (total, total_is_exact)
    deep = ask(reader, ORDERS["one key"], exact=exact, page=1_000)
    assert (deep.total, deep.total_is_exact) == (total, total_is_exact)


def test_only_what_the_query_filters_is_listed_and_counted(database: Database, reader: Connection) -> None:
    fill(database, range(30))
    light = EVERYTHING.where(parcels.c.weight == 0)
    first = ask(reader, ORDERS["one key"], light)
    rest = ask(reader, ORDERS["one key"], light, cursor=first.next, per_page=100)
    assert first.rows + rest.rows == tuple(range(0, 30, 2))
    assert first.total == rest.total == 15


def test_a_cursor_stands_alone(reader: Connection) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        ask(reader, ORDERS["one key"], page=1, cursor="x")
    assert refusal.value.errors[0]["parameter"] == "cursor"


def test_a_cursor_of_another_order_or_list_is_refused(database: Database, reader: Connection) -> None:
    fill(database, range(20))
    cursor = ask(reader, ORDERS["ties"]).next
    assert cursor is not None
    others = [keys for name, keys in ORDERS.items() if name != "ties"]
    for keys in [*others, (SortKey(items.c.name), SortKey(items.c.id))]:
        with pytest.raises(InvalidRequest):
            cursors.decode(keys, cursor)


def packed(content: object) -> str:
    """Pack content, or bytes in place of its JSON, as cursors are packed."""
    data = content if isinstance(content, bytes) else orjson.dumps(content)
    return urlsafe_b64encode(data).rstrip(b"=").decode()


KEYS = ORDERS["mixed"]
ORDER = "parcels.colour,-parcels.sent,parcels.id"


def test_a_cursor_holds_the_order_and_the_values_of_its_keys() -> None:
    values = ("red", START, 7)
    assert cursors.decode(KEYS, packed([ORDER, "red", int(START.timestamp() * 1000), 7])) == values


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "=",
        "a",
        "é",
        "\ud800",
        "\0",
        "A" * 1_501,
        "A" * 1_500,
        packed(b""),
        packed(b"{"),
        packed(b"[" * 1_100),
        packed(b'["' + ORDER.encode() + b'","\\ud800",0,1]'),
        packed(b'["' + ORDER.encode() + b'","red",NaN,1]'),
        packed(b'["' + ORDER.encode() + b'","red",0,' + b"9" * 1_000 + b"]"),
        packed(b'["' + ORDER.encode() + b'","\xff",0,1]'),
        packed(None),
        packed({}),
        packed([]),
        packed([None, "red", 0, 1]),
        packed([ORDER]),
        packed([ORDER, "red", 0]),
        packed([ORDER, "red", 0, 1, 1]),
        packed([ORDER, None, 0, 1]),
        packed([ORDER, 1, 0, 1]),
        packed([ORDER, "r\0d", 0, 1]),
        packed([ORDER, "red", "0", 1]),
        packed([ORDER, "red", 2**62, 1]),
        packed([ORDER, "red", 0, True]),
        packed([ORDER, "red", 0, 1.0]),
        packed([ORDER, "red", 0, 2**63]),
        packed([ORDER, "red", [0], {}]),
    ],
)
def test_a_malformed_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        cursors.decode(KEYS, cursor)
    assert refusal.value.errors[0]["parameter"] == "cursor"


# Written by the standard library, which writes lone surrogates and integers of any size.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
made_up = st.lists(json_values, max_size=4).map(lambda values: packed(json.dumps([ORDER, *values]).encode()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(cursor=st.text() | st.binary().map(packed) | made_up)
def test_any_text_is_a_cursor_the_database_accepts_or_is_refused(reader: Connection, cursor: str) -> None:
    try:
        ask(reader, KEYS, cursor=cursor)
    except InvalidRequest as refusal:
        assert refusal.errors[0]["parameter"] == "cursor"  # noqa: PT017 - Both outcomes are right here.


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(
    colour=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
    sent=st.integers(-62_135_596_800_000, 253_402_300_799_999),
    number=st.integers(-(2**63), 2**63 - 1),
)
def test_any_value_of_the_keys_types_can_be_sought(
    reader: Connection, colour: str, sent: int, number: int
) -> None:
    page = ask(reader, KEYS, cursor=packed([ORDER, colour, sent, number]))
    assert page.rows == ()


@pytest.mark.parametrize("name", ["ties", "ties descending", "mixed"])
def test_the_place_of_a_page_is_found_through_the_index(
    database: Database, reader: Connection, name: str
) -> None:
    keys = ORDERS[name]
    fill(database, range(5_000))
    columns = ", ".join(f"{key.column.name} {'DESC' if key.descending else 'ASC'}" for key in keys)
    reader.execute(sa.text(f"CREATE INDEX ix_place ON parcels ({columns})"))
    reader.execute(sa.text("ANALYZE parcels"))
    deep = ask(reader, keys, page=400).next
    sqlite = reader.dialect.name == "sqlite"
    for asked in ({"cursor": deep}, {"page": 401}):
        plan = plan_of(reader, lambda noting, asked=asked: ask(noting, keys, **asked))  # type: ignore[misc]  # a default
        assert ("SEARCH parcels USING INDEX ix_place" if sqlite else "Index Cond") in plan
        assert ("TEMP B-TREE" if sqlite else "Sort") not in plan


class Noting:
    """A connection that notes what it is asked."""

    def __init__(self, reader: Connection) -> None:
        self.dialect = reader.dialect
        self.seen: list[tuple[Any, Any]] = []
        self._reader = reader

    def execute(self, statement: sa.Executable, values: Any) -> Any:
        self.seen.append((statement, values))
        return self._reader.execute(statement, values)


def plan_of(reader: Connection, read: Callable[[Any], object]) -> str:
    """The plan of the first statement that `read` runs."""
    noting = Noting(reader)
    read(noting)
    explain = "EXPLAIN QUERY PLAN" if reader.dialect.name == "sqlite" else "EXPLAIN"
    statement, values = noting.seen[0]
    text, parameters = Statement(statement, reader.dialect, values).bound(values)
    # Its columns are those of plans, which only the driver knows.
    plan = Statement(sa.text(""), reader.dialect, ())
    return "\n".join(str(row) for row in reader.ask(plan, f"{explain} {text}", parameters))


@pytest.mark.parametrize(("weight", "fits"), [(2**31 - 1, True), (2**31, False), (-(2**31) - 1, False)])
def test_an_integer_must_fit_its_column(reader: Connection, weight: int, fits: bool) -> None:
    cursor = packed(["-parcels.weight,parcels.sent,-parcels.id", weight, 0, 1])
    if fits:
        assert ask(reader, ORDERS["mixed the other way"], cursor=cursor).rows == ()
    else:
        with pytest.raises(InvalidRequest):
            ask(reader, ORDERS["mixed the other way"], cursor=cursor)


def test_cursors_name_their_table() -> None:
    with pytest.raises(InvalidRequest):
        cursors.decode((SortKey(users.c.username),), packed(["items.username", "alice"]))
