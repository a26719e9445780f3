"""Statements that come again go straight to the driver, and answer as they do in SQLAlchemy's way."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.storage.engines import Database, open_database
from stockroom.storage.lending import LentReader
from stockroom.storage.tables import Moment, revocations

THEN = datetime(2026, 11, 27, 13, 29, 41, 123000, UTC)


@pytest.fixture
def opened(database_url: str) -> Iterator[Database]:
    database = open_database(database_url, connections=4)
    yield database
    database.dispose()


@pytest.fixture
def reader(opened: Database) -> Iterator[sa.Connection]:
    with opened.reader() as connection:
        yield connection


def often(reader: sa.Connection, statement: Any, values: Any = None) -> list[list[Any]]:
    """The rows of one execution after the other."""
    return [reader.execute(statement, values).all() for _ in range(3)]


def moments() -> sa.Select[*tuple[Any, ...]]:
    given = sa.bindparam("given", type_=Moment)
    return sa.select(
        given.label("moment"),
        sa.bindparam("text", type_=sa.String).label("text"),
        sa.literal(7).label("seven"),
    )


def test_values_are_bound_and_read_as_their_types_say(reader: sa.Connection) -> None:
    for rows in often(reader, moments(), {"given": THEN, "text": "Grün 50%"}):
        assert rows == [(THEN, "Grün 50%", 7)]


def test_each_execution_has_its_own_values(reader: sa.Connection) -> None:
    statement = moments()
    texts = [reader.execute(statement, {"given": THEN, "text": text}).one().text for text in "abcd"]
    assert texts == ["a", "b", "c", "d"]


def test_a_value_that_is_given_now_and_then_is_bound_as_its_type_says(reader: sa.Connection) -> None:
    statement = sa.select(sa.bindparam("given", THEN, type_=Moment).label("moment"))
    assert [rows[0].moment for rows in often(reader, statement)] == [THEN] * 3
    later = THEN.replace(year=2027)
    assert reader.scalar(statement, {"given": later}) == later


def test_rows_are_read_by_name_and_by_column(reader: sa.Connection) -> None:
    column = sa.literal(1).label("one")
    statement = sa.select(column, sa.literal("x").label("other"))
    for rows in often(reader, statement):
        assert rows[0].one == rows[0]._mapping["one"] == rows[0]._mapping[column] == 1
        assert rows[0].other == "x"


def test_all_ways_to_take_a_result(reader: sa.Connection) -> None:
    rows = sa.union_all(sa.select(sa.literal(1).label("n")), sa.select(sa.literal(2).label("n"))).order_by(
        "n"
    )
    for _ in range(3):
        assert reader.scalar(rows) == 1
        assert reader.scalars(rows).all() == [1, 2]
        assert reader.execute(rows).mappings().all() == [{"n": 1}, {"n": 2}]
        assert [row.n for row in reader.execute(rows)] == [1, 2]
        assert reader.execute(rows.limit(0)).one_or_none() is None


def test_numbers_are_read_as_the_driver_brings_them(reader: sa.Connection) -> None:
    for rows in often(reader, sa.select((sa.literal(1) / sa.literal(4)).label("quarter"))):
        assert float(rows[0].quarter) == 0.25


def test_a_list_of_any_length_may_be_looked_for(reader: sa.Connection) -> None:
    numbers = sa.select(sa.literal(2).in_(sa.bindparam("among", expanding=True)))
    found = [bool(reader.scalar(numbers, {"among": among})) for among in ([1], [1, 2], [2, 3, 4], [])]
    assert found == [False, True, True, False]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_value_that_is_missing_is_an_error_at_any_sight(reader: sa.Connection, times: int) -> None:
    statement = moments()
    for _ in range(times):
        reader.execute(statement, {"given": THEN, "text": "x"}).all()
    with pytest.raises(sa.exc.StatementError, match="text"):
        reader.execute(statement, {"given": THEN})


def test_errors_are_sqlalchemys_at_any_sight(reader: sa.Connection) -> None:
    statement = sa.select(sa.column("nothing")).select_from(sa.table("nowhere"))
    for _ in range(3):
        with pytest.raises(sa.exc.DBAPIError, match="nowhere"):
            reader.execute(statement)
    assert reader.scalar(sa.select(sa.literal(1))) == 1


def test_what_fails_in_a_transaction_is_told_as_it_was(opened: Database) -> None:
    if opened.reads.dialect.name == "sqlite":
        return  # Dividing by zero gives NULL there.
    inverse = sa.select(1 // sa.bindparam("number", type_=sa.Integer))
    for _ in range(3):
        with opened.work() as work:
            assert work.connection.scalar(inverse, {"number": 1}) == 1
    with pytest.raises(sa.exc.DataError, match="DivisionByZero"), opened.work() as work:
        work.connection.scalar(inverse, {"number": 0})
    with opened.work() as work:
        assert work.connection.scalar(inverse, {"number": 1}) == 1


def test_a_statement_outlives_what_is_rolled_back(opened: Database) -> None:
    statement = sa.select(sa.literal(1))
    for _ in range(3):
        with opened.work() as work:
            assert work.connection.scalar(statement) == 1
            with work.connection.begin_nested() as attempt:
                # So often that the driver prepares this one itself.
                for _ in range(8):
                    work.connection.execute(sa.insert(revocations), {"session_id": "a", "expires_at": THEN})
                attempt.rollback()
            assert work.connection.scalar(statement) == 1
            work.rollback()


def test_a_statement_of_text_is_left_to_sqlalchemy(reader: sa.Connection) -> None:
    statement = sa.text("SELECT 1 AS one")
    assert [rows[0].one for rows in often(reader, statement)] == [1, 1, 1]


def test_what_is_broken_off_costs_the_connection(opened: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = sa.select(sa.literal(1))
    with opened.reader() as reader:
        often(reader, statement)
        process = reader.connection.dbapi_connection

        def interrupted(*arguments: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(reader, "_ask", interrupted)
        with pytest.raises(KeyboardInterrupt):
            reader.execute(statement)
    with opened.reader() as reader:
        assert reader.connection.dbapi_connection is not process
        assert reader.scalar(statement) == 1


def test_one_that_came_by_another_connection_is_not_kept(opened: Database) -> None:
    with opened.reader() as reader:
        reader.invalidate()
        assert reader.scalar(sa.select(sa.literal(1))) == 1
    with opened.reader() as another:
        assert another is not reader
        assert isinstance(another, LentReader)
