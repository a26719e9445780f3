"""A database or a folder that can only be read: reads go on, writes are refused, until it can be written."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.typing import EventDict

from stockroom.accounts.passwords import Passwords
from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from stockroom.db.tables import users
from stockroom.settings import Settings
from stockroom.work.model import CLAIMS_WITHOUT_PROGRESS
from tests.freezing import frozen, read_only
from tests.workers import work_off

Client = Any
Headers = dict[str, str]

# Seconds; far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 30.0
PASSWORD = "seven grey herons wade at dawn"
CREDENTIALS = {"username": "admin", "password": PASSWORD}
ITEM = {"sku": "A1", "name": "Axe"}


@pytest.fixture
def database_url(empty_url: str) -> str:
    """A database of the test's own, which may lose all its connections."""
    migrate.upgrade(empty_url)
    return empty_url


@pytest.fixture
def served(database_url: str) -> Database:
    """The database as the service holds it."""
    return open_database(database_url, connections=20)


@pytest.fixture
def client(serve: Callable[..., Client], served: Database) -> Client:
    return serve(served, rate_limits="report")


@pytest.fixture
def admin(sign_in: Callable[..., Headers], database: Database) -> Headers:
    headers = sign_in("admin")
    with database.work() as work:
        work.connection.execute(users.update().values(password_hash=Passwords().hash(PASSWORD)))
    return headers


@contextmanager
def only_read(*databases: Database) -> Iterator[None]:
    """Have nobody write to the database that all of these are."""
    url = sa.make_url(databases[0].url)
    if url.get_backend_name() == "postgresql":
        with read_only(databases[0].url):
            yield
        return
    file = Path(url.database or "")
    # Without its WAL such a database cannot be opened where nothing may be written.
    with in_use(file), frozen(file, file.parent):
        while is_written_to(file):
            # What was opened before can be written.
            for database in databases:
                database.dispose()
        yield


@contextmanager
def in_use(file: Path) -> Iterator[None]:
    """Have another process use the database; SQLite would give its files to others of this one."""
    code = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('SELECT * FROM items'); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        process.communicate(b"\n")


def is_written_to(file: Path) -> bool:
    """Whether this process has the file open for writing."""
    for number in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            flags = int(Path(f"/proc/self/fdinfo/{number.name}").read_text().split()[3], 8)
            if number.readlink() == file and flags & os.O_ACCMODE != os.O_RDONLY:
                return True
    return False


def await_ready(client: Client) -> None:
    until = time.monotonic() + PATIENCE
    while (ready := client.get("/health/ready")).status_code != 200:
        assert time.monotonic() < until, ready.text


def test_reads_go_on_and_writes_are_refused_until_the_database_can_be_written_again(
    client: Client, admin: Headers, served: Database, database: Database, logged: list[EventDict]
) -> None:
    assert client.post("/items", headers=admin, json=ITEM).status_code == 201
    pair = client.post("/login", json=CREDENTIALS).json()
    await_ready(client)
    with only_read(served, database):
        writes = [
            client.post("/items", headers=admin, json={"sku": "B1", "name": "Bow"}),
            client.patch("/items/A1", headers=admin | {"If-Match": "*"}, json={"name": "Adze"}),
            client.post("/login", json=CREDENTIALS),
            client.post("/token/refresh", json={"refresh_token": pair["refresh_token"]}),
        ]
        for answer in writes:
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10"), answer.text
            assert answer.json()["type"] == "/problems/unavailable"
            assert "only be read" in answer.json()["detail"]
        assert client.get("/items", headers=admin).json()["total"] == 1
        assert client.get("/items/A1", headers=admin).json()["name"] == "Axe"
        assert client.get("/health/live").status_code == 200
        unready = client.get("/health/ready")
        assert (unready.status_code, unready.json()["dependencies"]["database"]) == (503, "failed")
    await_ready(client)
    assert client.post("/items", headers=admin, json={"sku": "B1", "name": "Bow"}).status_code == 201
    assert client.post("/login", json=CREDENTIALS).status_code == 200
    # What a statement was told, what readiness was told, and nothing for each request.
    events = [line["event"] for line in logged if line.get("activity") == "writes"]
    assert events == ["activity.failed", "activity.failed", "activity.recovered"]


def test_it_comes_back_though_nobody_asks_whether_it_is_ready(
    client: Client, admin: Headers, served: Database, database: Database
) -> None:
    with only_read(served, database):
        assert client.post("/items", headers=admin, json=ITEM).status_code == 503
    until = time.monotonic() + PATIENCE
    while (answer := client.post("/items", headers=admin, json=ITEM)).status_code == 503:
        assert time.monotonic() < until, answer.text
    assert answer.status_code == 201


def test_a_process_that_starts_where_the_database_is_only_read_serves_reads(
    serve: Callable[..., Client], admin: Headers, served: Database, database: Database
) -> None:
    serve(served)
    with only_read(served, database):
        client = serve(served)
        assert client.get("/items", headers=admin).status_code == 200
        assert client.get("/health/ready").status_code == 503
    await_ready(client)


def test_an_export_is_made_once_its_folder_can_be_written_however_often_it_is_tried(
    client: Client, admin: Headers, database: Database, configure: Callable[..., Settings], tmp_path: Path
) -> None:
    task = client.post("/exports", headers=admin, json={"kind": "items", "format": "csv"}).json()["id"]

    def work(minutes: int) -> str:
        moment = database.clock() + timedelta(minutes=minutes)
        work_off(task, replace(database, clock=lambda: moment), configure())
        state: str = client.get(f"/tasks/{task}", headers=admin).json()["state"]
        return state

    with frozen(tmp_path / "var"):
        for tries in range(CLAIMS_WITHOUT_PROGRESS + 3):
            assert work(tries) == "running"
    assert work(60) == "succeeded"


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
def test_a_file_system_that_becomes_read_only_is_told_from_an_outage(
    client: Client, admin: Headers, served: Database
) -> None:
    file = Path(sa.make_url(served.url).database or "")
    assert client.post("/items", headers=admin, json=ITEM).status_code == 201
    with frozen(file, file.with_name(f"{file.name}-wal"), file.parent):
        answer = client.post("/items", headers=admin, json={"sku": "B1", "name": "Bow"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10"), answer.text
        assert client.get("/items/A1", headers=admin).status_code == 200
    assert client.post("/items", headers=admin, json={"sku": "B1", "name": "Bow"}).status_code == 201


def test_a_folder_that_cannot_be_written_keeps_files_from_being_sent_and_nothing_else(
    client: Client, admin: Headers, tmp_path: Path
) -> None:
    sent = {"Content-Type": "text/csv"} | admin
    with frozen(tmp_path / "var"):
        answer = client.post("/imports?kind=items", headers=sent, content=b"sku,name\nA1,Axe\n")
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable"), answer.text
        assert answer.headers["Retry-After"] == "10"
        assert client.post("/items", headers=admin, json=ITEM).status_code == 201
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["dependencies"]["storage"]) == (200, "failed")
    assert client.get("/health/ready").json()["dependencies"]["storage"] == "ok"
    assert client.post("/imports?kind=items", headers=sent, content=b"sku,name\nB1,Bow\n").status_code == 202
