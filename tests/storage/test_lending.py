"""Connections that are lent: each to one at a time, and only while it is whole."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from stockroom.storage.engines import Database, Work, open_database
from stockroom.storage.lending import Lending
from stockroom.storage.tables import users

ONE = sa.select(sa.literal(1))


@pytest.fixture
def opened(database_url: str) -> Iterator[Database]:
    database = open_database(database_url, connections=6)
    yield database
    database.dispose()


def driver(connection: sa.Connection) -> object:
    return connection.connection.dbapi_connection


def writes(database: Database) -> Lending:
    assert database.lent_writes
    return database.lent_writes


def test_a_connection_that_came_back_is_lent_again(opened: Database) -> None:
    with opened.reader() as one:
        one.scalar(ONE)
        first = driver(one)
    with opened.reader() as one:
        assert driver(one) is first


def test_two_at_once_have_a_connection_each(opened: Database) -> None:
    with opened.reader() as one, opened.reader() as other:
        assert driver(one) is not driver(other)


def test_closed_twice_it_is_kept_once(opened: Database) -> None:
    one = opened.reader()
    one.close()
    one.close()
    with opened.reader() as first, opened.reader() as second:
        assert driver(first) is not driver(second)


def test_after_an_error_of_the_caller_it_is_lent_again(opened: Database) -> None:
    one = opened.reader()
    found = driver(one)
    with pytest.raises(ZeroDivisionError), one:
        raise ZeroDivisionError
    with opened.reader() as again:
        assert driver(again) is found


def test_one_with_an_open_transaction_is_not_kept(opened: Database) -> None:
    connection = writes(opened).connect()
    connection.begin()
    connection.scalar(ONE)
    connection.close()
    again = writes(opened).connect()
    assert again is not connection
    assert not again.in_transaction()
    again.close()


def test_what_was_not_committed_is_rolled_back(opened: Database) -> None:
    account = {"username": "ada", "email": "ada@example.com", "password_hash": "-", "role": "admin"}
    work = opened.work()
    work.connection.execute(users.insert(), account | {"disabled": False, "created_at": work.now})
    work.rollback()
    with opened.work() as work:
        assert work.connection.scalar(sa.select(sa.func.count()).select_from(users)) == 0


def test_a_unit_of_work_gives_its_connection_back(opened: Database) -> None:
    found = []
    for _ in range(2):
        with Work(writes(opened), opened.clock()) as work:
            found.append(driver(work.connection))
    assert found[0] is found[1]


def test_no_more_are_kept_than_there_is_room_for_others(opened: Database) -> None:
    lent = [opened.reader() for _ in range(6)]
    for connection in lent:
        connection.close()
    # Two are kept of six, so that whoever asks the engine finds some.
    asked = [opened.reads.connect() for _ in range(4)]
    assert len({driver(connection) for connection in asked}) == 4
    for connection in asked:
        connection.close()


@pytest.fixture
def orphan(opened: Database) -> Iterator[str]:
    """A statement that has the commit behind it fail, as a full disk does, and the transaction stay open."""
    on_sqlite = opened.writes.dialect.name == "sqlite"
    # SQLite has foreign keys held at the commit; PostgreSQL where a table says so.
    waits = "" if on_sqlite else "INITIALLY DEFERRED"
    with opened.writes.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE parents (id integer PRIMARY KEY)")
        connection.exec_driver_sql(f"CREATE TABLE orphans (parent integer REFERENCES parents {waits})")
    yield "INSERT INTO orphans VALUES (1)"
    with opened.writes.begin() as connection:
        connection.exec_driver_sql("DROP TABLE orphans")
        connection.exec_driver_sql("DROP TABLE parents")


def test_a_commit_that_fails_costs_its_connection(opened: Database, orphan: str) -> None:
    for _ in range(10):  # More than there are connections: none may be lost.
        work = opened.work()
        if opened.writes.dialect.name == "sqlite":
            work.connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        work.connection.exec_driver_sql(orphan)
        with pytest.raises(sa.exc.IntegrityError):
            work.commit()
    with opened.work() as work:
        assert work.connection.scalar(ONE) == 1
