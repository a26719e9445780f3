"""What a load is said to have cost, held against work that is known."""

import os
from pathlib import Path

import psycopg
import pytest

from bench import processes
from bench.servers import Running
from bench.usage import measuring

# Some tenths of a second on any machine.
QUERY = "SELECT count(*) FROM generate_series(1, 3000000)"
THIS_PROCESS = Running(url="", session=os.getsid(0), started_in=0.0, folder=Path())


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    made: str = request.getfixturevalue("_postgresql_url")
    url = made.replace("postgresql+asyncpg:", "postgresql:")
    with psycopg.connect(url) as connection:
        if processes.name(connection.info.backend_pid) != "postgres":
            pytest.skip("PostgreSQL runs on another machine")
    return url


def test_what_postgresql_does_on_a_connection_is_counted(url: str) -> None:
    with psycopg.connect(url) as connection, measuring(THIS_PROCESS, url) as used:
        connection.execute(QUERY)
    assert used.postgresql > 0.05


def test_what_the_server_does_is_counted_apart(url: str) -> None:
    with measuring(THIS_PROCESS, url) as used:
        sum(range(5_000_000))
    assert used.server > 0.02
