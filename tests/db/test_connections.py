"""Connections are used again while they are whole, and nothing waits without an end."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from app import _open_database
from stockroom.db.connections import Connection, Deadlines, Usage
from stockroom.db.database import OUTAGES, Database, open_database
from stockroom.db.tables import users
from stockroom.settings import Settings
from tests.onlooker import onlooker
from tests.relay import Relay, relay

ONE = sa.select(sa.literal(1))
SLEEP = sa.select(sa.func.pg_sleep(60))
ACCOUNT = {"username": "ada", "email": "ada@example.com", "password_hash": "-", "role": "admin"}

Open = Callable[..., Database]


@pytest.fixture
def postgresql_url(_postgresql_url: str) -> str:
    return _postgresql_url


@pytest.fixture
def open_postgresql(postgresql_url: str) -> Iterator[Open]:
    opened = []

    def opening(url: str = postgresql_url, connections: int = 4, **deadlines: Any) -> Database:
        database = open_database(url, connections=connections, deadlines=Deadlines(**deadlines))
        opened.append(database)
        return database

    yield opening
    for database in opened:
        database.dispose()


def process_of(connection: Connection) -> int:
    return int(connection.scalar(sa.text("SELECT pg_backend_pid()")))


def process(database: Database) -> int:
    with database.connect() as connection:
        return process_of(connection)


def on_a_loop(database: Database, *calls: Callable[[], Any]) -> list[Any]:
    """What the calls return, begun side by side on an event loop of their own."""

    async def scenario() -> list[Any]:
        try:
            return await asyncio.gather(*map(database.run, calls))
        finally:
            await database.close()

    return asyncio.run(scenario())


# What is so of every database


def test_what_was_not_committed_is_rolled_back(database: Database) -> None:
    work = database.work()
    work.connection.execute(users.insert(), ACCOUNT | {"disabled": False, "created_at": work.now})
    work.rollback()
    with database.connect() as connection:
        connection.begin()
        connection.execute(users.insert(), ACCOUNT | {"disabled": False, "created_at": work.now})
    with database.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(users)) == 0


def test_what_is_taken_twice_is_told_by_its_name(database: Database) -> None:
    with database.work() as work:
        account = ACCOUNT | {"disabled": False, "created_at": work.now}
        work.connection.execute(users.insert(), account)
        with pytest.raises(sa.exc.IntegrityError) as refusal, work.connection.savepoint():
            work.connection.execute(users.insert(), account)
        # What people stored is in no log line.
        assert "ada" not in str(refusal.value).replace(str(refusal.value.orig), "")
    with database.connect() as connection:
        assert connection.scalars(sa.select(users.c.username)) == ["ada"]


def test_several_rows_are_written_in_one_go(database: Database) -> None:
    with database.work() as work:
        accounts = [
            ACCOUNT | {"username": name, "disabled": False, "created_at": work.now} for name in ("eve", "bob")
        ]
        work.connection.execute(users.insert(), accounts)
        work.connection.execute(users.insert(), [])
    with database.connect() as connection:
        assert connection.scalars(sa.select(users.c.username).order_by(users.c.username)) == ["bob", "eve"]


def test_one_row_is_one_row(database: Database) -> None:
    two = sa.union_all(sa.select(sa.literal(1).label("n")), sa.select(sa.literal(2)))
    none = sa.select(users.c.username)
    with database.connect() as connection:
        with pytest.raises(sa.exc.MultipleResultsFound):
            connection.execute(two).one_or_none()
        with pytest.raises(sa.exc.NoResultFound):
            connection.execute(none).one()
        assert connection.execute(none).one_or_none() is None
        assert connection.scalar(none) is None


def test_rows_come_in_parts(database: Database) -> None:
    numbers = sa.select(sa.literal(1).label("n")).union_all(*(sa.select(sa.literal(n)) for n in range(2, 6)))
    with database.snapshot() as snapshot:
        parts = list(snapshot.stream(numbers, size=2))
    assert [[row.n for row in part] for part in parts] == [[1, 2], [3, 4], [5]]


def test_two_at_once_have_a_connection_each(database: Database) -> None:
    with database.work() as work, database.connect() as other:
        work.connection.execute(users.insert(), ACCOUNT | {"disabled": False, "created_at": work.now})
        assert other.scalar(sa.select(sa.func.count()).select_from(users)) == 0


@pytest.fixture
def orphan(database: Database) -> Iterator[str]:
    """A statement that has the commit behind it fail, as a full disk does, and the transaction stay open."""
    # SQLite has foreign keys held at the commit; PostgreSQL where a table says so.
    waits = "" if database.name == "sqlite" else "INITIALLY DEFERRED"
    with onlooker(database.url).connect() as connection:
        connection.exec_driver_sql("CREATE TABLE parents (id integer PRIMARY KEY)")
        connection.exec_driver_sql(f"CREATE TABLE orphans (parent integer REFERENCES parents {waits})")
    yield "INSERT INTO orphans VALUES (1)"
    with onlooker(database.url).connect() as connection:
        connection.exec_driver_sql("DROP TABLE orphans")
        connection.exec_driver_sql("DROP TABLE parents")


def test_a_commit_that_fails_loses_no_connection(database: Database, orphan: str) -> None:
    for _ in range(20):  # More than there are connections.
        work = database.work()
        if database.name == "sqlite":
            work.connection.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
        work.connection.execute(sa.text(orphan))
        with pytest.raises(sa.exc.IntegrityError):
            work.commit()
    with database.work() as work:
        assert work.connection.scalar(ONE) == 1


# PostgreSQL


def test_connections_are_set_up(open_postgresql: Open) -> None:
    with open_postgresql(lock=7).connect() as connection:
        settings = [
            connection.scalar(sa.text(f"SHOW {name}")) for name in ("jit", "lock_timeout", "application_name")
        ]
    assert settings == ["off", "7s", "stockroom"]


def test_a_connection_that_came_back_is_used_again(open_postgresql: Open) -> None:
    database = open_postgresql()
    assert process(database) == process(database)

    def twice() -> bool:
        return process(database) == process(database)

    assert on_a_loop(database, twice) == [True]


def test_behind_a_pooler_a_transaction_is_one(postgresql_url: str) -> None:
    database = open_database(postgresql_url, connections=1, pooled=True)
    account = ACCOUNT | {"disabled": False, "created_at": database.clock()}
    work = database.work()
    work.connection.execute(users.insert(), account)
    work.rollback()
    with database.work() as work:
        numbers = {work.connection.scalar(sa.text("SELECT txid_current()")) for _ in range(2)}
    with database.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(users)) == 0
    database.dispose()
    assert len(numbers) == 1


def test_a_connection_is_used_for_so_long_and_no_longer(open_postgresql: Open) -> None:
    database = open_postgresql(connection=0)
    assert process(database) != process(database)


def test_who_asks_for_more_than_there_may_be_waits_for_one_that_comes_back(open_postgresql: Open) -> None:
    database, order = open_postgresql(connections=1), []

    def ask(number: int) -> int:
        with database.connect() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(0.05)))
            order.append(number)
            return process_of(connection)

    processes = on_a_loop(database, *(partial(ask, number) for number in range(5)))
    assert len(set(processes)) == 1
    assert order == list(range(5))


def test_it_can_be_seen_how_many_there_are_and_who_waits_for_one(open_postgresql: Open) -> None:
    database, seen = open_postgresql(connections=1), []

    def look() -> None:
        with database.connect() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(0.05)))
            seen.append(database.usage())

    async def scenario() -> None:
        seen.append(database.usage())
        await asyncio.gather(*(database.run(look) for _ in range(3)))
        seen.append(database.usage())
        await database.close()

    asyncio.run(scenario())
    held = [Usage(in_use=1, kept=0, most=1, waiting=waiting) for waiting in (2, 1, 0)]
    assert seen == [None, *held, Usage(in_use=0, kept=1, most=1, waiting=0)]


def test_a_wait_for_a_connection_ends_in_time(open_postgresql: Open) -> None:
    database = open_postgresql(connections=1, turn=0.1)
    with database.connect():
        for _ in range(2):
            with pytest.raises(OUTAGES):
                database.connect()
    assert process(database)


def test_who_gives_up_waiting_leaves_the_connection_to_the_next(open_postgresql: Open) -> None:
    database = open_postgresql(connections=1)

    def hold(seconds: float) -> None:
        with database.connect() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(seconds)))

    async def scenario() -> None:
        waiting = [asyncio.create_task(database.run(partial(hold, 0.2))) for _ in range(3)]
        await asyncio.sleep(0.1)
        waiting[1].cancel()
        await asyncio.wait_for(waiting[2], 5)
        assert waiting[1].cancelled()
        await database.close()

    asyncio.run(scenario())


def test_a_connection_that_cannot_be_closed_leaves_its_place_to_the_next(
    open_postgresql: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = open_postgresql(connections=1, turn=0.1)

    def ask() -> None:
        connection: Any = database.connect()
        let_go = connection.let_go

        def fail() -> None:
            let_go()
            raise OSError("it is closed all the same")

        monkeypatch.setattr(connection, "is_alive", lambda: False)
        monkeypatch.setattr(connection, "let_go", fail)
        with pytest.raises(OSError, match="all the same"):
            connection.close()
        assert process(database)

    on_a_loop(database, ask)


@pytest.fixture
def limited_url(postgresql_url: str) -> Iterator[str]:
    """The database, for a role that may have two connections."""
    role = f"limited_{os.getpid()}"
    engine = onlooker(postgresql_url)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD 'limited' CONNECTION LIMIT 2")
    yield (
        sa.make_url(postgresql_url)
        .set(username=role, password="limited")
        .render_as_string(hide_password=False)
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP ROLE {role}")


def test_who_is_refused_by_the_server_waits_for_one_that_comes_back(
    open_postgresql: Open, limited_url: str
) -> None:
    database = open_postgresql(limited_url, connections=8)

    def ask() -> int:
        with database.connect() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(0.05)))
            return process_of(connection)

    assert len(set(on_a_loop(database, *[ask] * 8))) == 2


def test_who_is_refused_by_the_server_and_has_none_is_told_so(
    open_postgresql: Open, limited_url: str
) -> None:
    database, other = open_postgresql(limited_url), open_postgresql(limited_url)
    with other.connect(), other.connect(), pytest.raises(OUTAGES, match="too many connections"):
        database.connect()
    other.dispose()
    assert process(database)


def test_closed_twice_it_is_kept_once(open_postgresql: Open) -> None:
    database = open_postgresql()
    one = database.connect()
    one.close()
    one.close()
    with database.connect() as first, database.connect() as second:
        assert process_of(first) != process_of(second)


def test_a_call_waits_on_the_loop_while_others_run(open_postgresql: Open) -> None:
    database = open_postgresql()

    def ask(seconds: float) -> int:
        with database.connect() as connection:
            connection.execute(sa.select(sa.func.pg_sleep(seconds)))
        order.append(seconds)
        return threading.get_ident()

    order: list[float] = []
    threads = on_a_loop(database, lambda: ask(0.3), lambda: ask(0))
    assert set(threads) == {threading.get_ident()}
    assert order == [0, 0.3]


def test_a_statement_that_is_broken_off_costs_its_connection(open_postgresql: Open) -> None:
    database, processes = open_postgresql(), []

    def ask() -> None:
        with database.connect() as connection:
            processes.append(process_of(connection))
            connection.execute(SLEEP)

    async def scenario() -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await database.run(ask)
        found = await database.run(lambda: process(database))
        await database.close()
        return found

    assert asyncio.run(scenario()) not in processes


@pytest.mark.parametrize("on_loop", [True, False])
def test_a_hung_statement_ends_in_time(open_postgresql: Open, on_loop: bool) -> None:
    database = open_postgresql(statement=0.3)

    def ask() -> None:
        with database.connect() as connection, pytest.raises(sa.exc.OperationalError):
            connection.execute(SLEEP)
        with database.connect() as connection:
            assert connection.scalar(ONE) == 1

    if on_loop:
        on_a_loop(database, ask)
    else:
        ask()


def test_a_statement_that_was_given_up_ends_at_the_server_too(
    open_postgresql: Open, postgresql_url: str
) -> None:
    """It would keep its locks, and one of the server's connections, for as long as it takes."""
    database = open_postgresql(statement=0.3)

    def ask() -> None:
        with database.work() as work:
            work.connection.execute(sa.text("LOCK TABLE users"))
            work.connection.execute(SLEEP)

    with pytest.raises(sa.exc.OperationalError):
        on_a_loop(database, ask)
    with onlooker(postgresql_url).connect() as other:
        other.execute(sa.text("SET lock_timeout = 10000"))
        other.execute(sa.select(users.c.username))


def test_a_transaction_that_stands_still_is_ended(open_postgresql: Open, postgresql_url: str) -> None:
    """Its process may be frozen; what it has locked others wait for."""
    database = open_postgresql(idle=0.3)
    work = database.work()
    work.connection.execute(sa.text("LOCK TABLE users"))
    with onlooker(postgresql_url).connect() as other:
        other.execute(sa.text("SET lock_timeout = 10000"))
        other.execute(sa.select(users.c.username))
    with pytest.raises(sa.exc.OperationalError):
        work.connection.execute(ONE)
    work.rollback()
    with database.connect() as connection:
        assert connection.scalar(ONE) == 1


def test_a_wait_for_a_lock_ends_in_time(open_postgresql: Open) -> None:
    database = open_postgresql(lock=0.2)
    with database.work() as work:
        work.connection.execute(sa.text("LOCK TABLE users"))
        with database.connect() as other, pytest.raises(sa.exc.OperationalError):
            other.execute(sa.select(users.c.username))


def test_a_database_that_falls_silent_is_given_up(open_postgresql: Open, between: Relay) -> None:
    database = open_postgresql(by_way_of(between, open_postgresql().url), statement=0.3)
    with database.connect() as connection:
        assert connection.scalar(ONE) == 1
        between.freeze()
        with pytest.raises(sa.exc.OperationalError):
            connection.scalar(ONE)


@pytest.fixture
def between(postgresql_url: str) -> Iterator[Relay]:
    url = sa.make_url(postgresql_url)
    with relay(url.host or "127.0.0.1", url.port or 5432) as opened:
        yield opened


def by_way_of(between: Relay, url: str) -> str:
    host, port = between.address
    return sa.make_url(url).set(host=host, port=port).render_as_string(hide_password=False)


def test_a_connection_that_is_gone_is_replaced(open_postgresql: Open, postgresql_url: str) -> None:
    database = open_postgresql()
    ended = process(database)
    with onlooker(postgresql_url).connect() as administrator:
        administrator.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": ended})
    # The loop of the threads is told before it is asked again, or the one statement says that it is gone.
    try:
        assert process(database) != ended
    except sa.exc.OperationalError:
        assert process(database) != ended


def test_a_column_may_change_its_type_under_a_running_service(
    open_postgresql: Open, postgresql_url: str
) -> None:
    database, look = open_postgresql(), sa.text("SELECT n FROM changing")
    with onlooker(postgresql_url).connect() as administrator:
        administrator.exec_driver_sql("CREATE TABLE changing (n integer)")
        administrator.exec_driver_sql("INSERT INTO changing VALUES (1)")
        try:
            with database.connect() as connection:
                for kind in ("integer", "bigint", "text"):
                    administrator.exec_driver_sql(f"ALTER TABLE changing ALTER n TYPE {kind}")
                    assert str(connection.scalar(look)) == "1"
        finally:
            administrator.exec_driver_sql("DROP TABLE changing")


def test_without_the_server_it_is_said_to_be_away(open_postgresql: Open) -> None:
    # Nobody listens there: the port of tcpmux.
    database = open_postgresql("postgresql+asyncpg://postgres@127.0.0.1:1/test")
    with pytest.raises(sa.exc.OperationalError):
        database.connect()


def test_who_only_reads_one_moment_may_be_silent(open_postgresql: Open) -> None:
    """Such as an export while its file is sent to a bucket. It locks nothing that others write."""
    with open_postgresql(idle=0.3).snapshot() as snapshot:
        assert snapshot.scalar(sa.text("SHOW idle_in_transaction_session_timeout")) == "0"


def test_a_transaction_of_a_request_may_be_silent_as_long_as_a_statement_may_take(
    postgresql_url: str, tmp_path: Path
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, statement_seconds=7, database_url=postgresql_url)
    database = _open_database(settings)
    try:
        with database.connect() as connection:
            assert connection.scalar(sa.text("SHOW idle_in_transaction_session_timeout")) == "7s"
    finally:
        database.dispose()
