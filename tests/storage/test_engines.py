"""How connections to PostgreSQL are set up, and what becomes of those that are gone."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from stockroom.fibers import Fibers
from stockroom.storage import lending
from stockroom.storage.engines import Database, open_database


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Iterator[Database]:
    database = open_database(request.getfixturevalue("_postgresql_url"), connections=2)
    yield database
    database.dispose()


def process_of(connection: sa.Connection) -> int:
    return int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())


def end(database: Database, *processes: int) -> None:
    """As an administrator does, or a restart."""
    server = sa.create_engine(database.writes.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        for process in processes:
            connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": process})


def test_postgresql_compiles_no_statements(opened: Database) -> None:
    for engine in (opened.reads, opened.writes):
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SHOW jit")) == "off"


def test_columns_have_their_names(opened: Database) -> None:
    with opened.reads.connect() as connection:
        found = connection.exec_driver_sql("SELECT 1 AS one, 'b' AS other")
        assert list(found.keys()) == ["one", "other"]
        assert found.one()._asdict() == {"one": 1, "other": "b"}
        assert connection.exec_driver_sql("SET application_name = 'x'").returns_rows is False


def test_a_connection_that_is_gone_is_replaced_after_it_was_idle(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lending, "IDLE", 0)
    with opened.reads.connect() as connection:
        process = process_of(connection)
    end(opened, process)
    with opened.reads.connect() as connection:
        assert process_of(connection) != process


def test_a_connection_that_was_just_used_is_not_asked(
    opened: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened.reads.connect() as connection:
        process = process_of(connection)
    monkeypatch.setattr(opened.reads.dialect, "do_ping", lambda connection: pytest.fail("it was asked"))
    with opened.reads.connect() as connection:
        assert process_of(connection) == process


def test_once_one_is_gone_the_others_are_asked(opened: Database) -> None:
    with opened.reads.connect() as one, opened.reads.connect() as other, opened.writes.connect() as third:
        processes = {process_of(connection) for connection in (one, other, third)}
    end(opened, *processes)
    with opened.reads.connect() as connection, pytest.raises(sa.exc.OperationalError):
        process_of(connection)
    for engine in (opened.reads, opened.writes, opened.reads):
        with engine.connect() as connection:
            assert process_of(connection) not in processes


def test_once_none_could_be_made_all_are_asked(opened: Database) -> None:
    with opened.reads.connect() as connection:
        process = process_of(connection)
    name = opened.writes.url.database
    server = sa.create_engine(
        opened.writes.url.set(database="postgres"), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT"
    )
    with server.connect() as administrator:
        administrator.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        administrator.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": process})
        with pytest.raises(sa.exc.OperationalError):
            opened.writes.connect()
        administrator.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    with opened.reads.connect() as connection:
        assert process_of(connection) != process


def test_a_fiber_waits_for_the_database_while_others_run(opened: Database) -> None:
    def ask(seconds: float) -> int:
        with opened.reader() as reader:
            reader.execute(sa.text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
        order.append(seconds)
        return threading.get_ident()

    async def scenario() -> list[int]:
        pool = Fibers()
        return await asyncio.gather(pool.run(lambda: ask(0.3)), pool.run(lambda: ask(0)))

    order: list[float] = []
    assert set(asyncio.run(scenario())) == {threading.get_ident()}
    assert order == [0, 0.3]


def test_a_question_that_is_broken_off_costs_its_connection(opened: Database) -> None:
    def ask() -> None:
        with opened.reader() as reader:
            processes.append(process_of(reader))
            reader.execute(sa.text("SELECT pg_sleep(60)"))

    async def scenario() -> None:
        pool = Fibers()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await pool.run(ask)

    processes: list[int] = []
    asyncio.run(scenario())
    with opened.reader() as reader:
        assert process_of(reader) not in processes
        assert reader.scalar(sa.select(sa.literal(1))) == 1
