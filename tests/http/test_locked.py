"""Another process has the write lock of the embedded database: what goes on, and what waits how long."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from app import _open_database
from stockroom.settings import Settings

Client = Any
Headers = dict[str, str]

WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print(flush=True)
input()
"""


@pytest.fixture
def database_url(_sqlite_url: str) -> str:
    return _sqlite_url


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Have a process amid a transaction that writes."""
    command = [sys.executable, "-c", WRITER, url.removeprefix("sqlite:///")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        process.communicate(b"\n")


def test_reads_go_on_and_writes_are_refused_once_they_have_waited(
    serve: Callable[..., Client], sign_in: Callable[..., Headers], database_url: str
) -> None:
    admin = sign_in("admin")
    item = {"sku": "A1", "name": "Axe"}
    with locked(database_url):
        client = serve(lock_seconds=0.1)
        assert client.get("/items", headers=admin).status_code == 200
        for path in ("/items/A1", "/movements", "/summary", "/levels", "/me"):
            assert client.get(path, headers=admin).status_code in {200, 404}, path
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 200
        refused = client.post("/items", headers=admin, json=item)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert client.post("/items", headers=admin, json=item).status_code == 201


def test_a_statement_waits_as_long_as_is_set(database_url: str, configure: Callable[..., Settings]) -> None:
    database = _open_database(configure(lock_seconds=0.5))
    try:
        with database.connect() as connection:
            assert connection.scalar(sa.text("PRAGMA busy_timeout")) == 500
    finally:
        database.dispose()
