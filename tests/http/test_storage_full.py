"""A disk that fills up: what goes on, what comes back by itself, and that nothing is left over."""

import pwd
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from app import create_app
from stockroom.accounts.passwords import Passwords
from stockroom.contract.contract import load_contract
from stockroom.db import migrate
from stockroom.db.database import Database
from stockroom.db.disk_full import DiskFull
from stockroom.db.storage import Storage
from stockroom.db.tables import users
from stockroom.settings import Settings
from stockroom.work.model import CLAIMS_WITHOUT_PROGRESS
from tests.conftest import POSTGRESQL
from tests.contract.asgi import Counted, ask
from tests.disks import Disk
from tests.onlooker import onlooker
from tests.requiring import missing
from tests.workers import work_off

Client = Any
Headers = dict[str, str]
Serve = Callable[..., Any]
SignIn = Callable[..., Headers]

RESERVED = 4 * 2**20
PASSWORD = "seven grey herons wade at dawn"
MEGABYTE = b"sku,name\n" + b"A1,Axe\n" * 150_000
ROWS = 20_000
FILE = b"sku,name\n" + b"".join(b"A%05d,Axe with a handle of hickory\n" % number for number in range(ROWS))


@pytest.fixture
def disk(make_disk: Callable[..., Disk]) -> Disk:
    return make_disk(32)


@pytest.fixture
def database_url(disk: Disk) -> str:
    url = f"sqlite:///{disk.folder / 'stockroom.db'}"
    migrate.upgrade(url)
    return url


@pytest.fixture
def configure(database_url: str, disk: Disk, configure: Callable[..., Settings]) -> Callable[..., Settings]:
    def on_disk(**changes: Any) -> Settings:
        return configure(**({"data_dir": disk.folder / "var", "reserved_bytes": RESERVED} | changes))

    return on_disk


@pytest.fixture
def client(serve: Serve) -> Client:
    return serve(rate_limits="report")


@pytest.fixture
def admin(sign_in: SignIn) -> Headers:
    return sign_in("admin")


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


FULL = (507, "storage-full")


def send(client: Client, who: Headers, content: bytes) -> httpx.Response:
    headers = who | {"Content-Type": "text/csv"}
    answer: httpx.Response = client.post("/imports?kind=items", headers=headers, content=content)
    return answer


# What is reserved


def test_logins_go_on_in_what_is_reserved_and_other_writes_do_not(
    client: Client, admin: Headers, sign_in: SignIn, database: Database, disk: Disk
) -> None:
    sign_in("clerk", "bob")
    with database.work() as work:
        work.connection.execute(users.update().values(password_hash=Passwords().hash(PASSWORD)))
    task = send(client, admin, b"sku,name\nA1,Axe\n").headers["Location"]
    item = {"sku": "A1", "name": "Axe"}
    with disk.filled(left=RESERVED // 2):
        for method, path, body in (
            ("POST", "/items", item),
            ("POST", "/locations", {"code": "A-01", "name": "Aisle"}),
            ("POST", "/exports", {"kind": "items", "format": "csv"}),
        ):
            assert problem(client.request(method, path, headers=admin, json=body)) == FULL
        assert problem(send(client, admin, b"sku,name\nA1,Axe\n")) == FULL
        tokens = client.post("/login", json={"username": "bob", "password": PASSWORD})
        assert tokens.status_code == 200
        wrong = client.post("/login", json={"username": "bob", "password": PASSWORD[1:]})
        assert wrong.status_code == 401
        refreshed = client.post("/token/refresh", json={"refresh_token": tokens.json()["refresh_token"]})
        assert refreshed.status_code == 200
        bob = {"Authorization": f"Bearer {refreshed.json()['access_token']}"}
        assert client.get("/items", headers=bob).status_code == 200
        assert client.post("/logout", headers=bob).status_code == 204
        # What makes room, too.
        assert client.delete(task, headers=admin).status_code == 202
        assert client.get("/health/ready").json()["dependencies"]["storage"] == "failed"
    assert client.get("/health/ready").json()["dependencies"]["storage"] == "ok"
    assert client.post("/items", headers=admin, json=item).status_code == 201


def test_a_full_disk_of_files_keeps_nobody_from_writing_to_the_database(
    make_disk: Callable[..., Disk], serve: Serve, sign_in: SignIn
) -> None:
    files = make_disk(8)
    client, admin = serve(files_url=(files.folder / "files").as_uri()), sign_in("admin")
    with files.filled():
        assert problem(send(client, admin, b"sku,name\nA1,Axe\n")) == FULL
        assert client.post("/items", headers=admin, json={"sku": "A1", "name": "Axe"}).status_code == 201
        assert client.get("/health/ready").json()["dependencies"]["storage"] == "failed"
        assert files.names() == set()


# Uploads


@pytest.fixture
def upload(configure: Callable[..., Settings], admin: Headers, disk: Disk) -> Iterator[Callable[..., int]]:
    """Send a file of megabytes; get how many were taken until there was no room."""
    app = create_app(configure(), contract=load_contract(disk.folder / "var"))

    def upload(*headers: tuple[str, str]) -> int:
        chunks = Counted(MEGABYTE, most=90)
        before = disk.names()
        sent = [*admin.items(), ("Content-Type", "text/csv"), *headers]
        answer = client.portal.call(ask, app, "POST", "/imports?kind=items", sent, chunks)
        assert answer
        assert (answer.status, answer.problem) == FULL
        assert {name for name in disk.names() - before if "stockroom.db" not in name} == set()
        return chunks.taken

    with TestClient(app) as client:
        yield upload


def test_a_file_that_there_is_no_room_for_is_refused_by_its_length_alone(upload: Callable[..., int]) -> None:
    # The one that is taken is what the test's client holds ready.
    assert upload(("Content-Length", "50000000")) == 1


def test_a_file_without_a_length_is_refused_once_there_is_no_room(upload: Callable[..., int]) -> None:
    assert 2 < upload(("Transfer-Encoding", "chunked")) < 32


def test_a_file_that_cannot_be_stored_leaves_nothing(
    client: Client, admin: Headers, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = disk.names()
    with disk.filled(left=len(MEGABYTE) // 2), monkeypatch.context() as patch:
        # There was room when it was looked for.
        patch.setattr(Storage, "require", lambda self, more=0: None)
        assert problem(send(client, admin, MEGABYTE)) == FULL
        assert disk.names() == before
    assert send(client, admin, MEGABYTE).status_code == 202


# Work


@pytest.fixture
def work(database: Database, configure: Callable[..., Settings]) -> Callable[..., None]:
    """Do a task as a worker does, so many minutes later."""

    def work(task: str, minutes: int = 0, **changes: Any) -> None:
        moment = database.clock() + timedelta(minutes=minutes)
        # There may be no room to claim it.
        with suppress(DiskFull):
            work_off(task, replace(database, clock=lambda: moment), configure(**changes))

    return work


@pytest.mark.parametrize("reserved", [0, RESERVED])
def test_an_import_goes_on_by_itself_where_the_disk_was_full(
    client: Client, admin: Headers, disk: Disk, work: Callable[..., None], reserved: int
) -> None:
    task = send(client, admin, FILE).json()["id"]
    with disk.filled(left=reserved + 2**20):
        # However often it is tried.
        for tries in range(CLAIMS_WITHOUT_PROGRESS + 3):
            work(task, tries, reserved_bytes=reserved)
        halfway = client.get(f"/tasks/{task}", headers=admin).json()
        assert (halfway["state"], halfway["failure"]) == ("running", None)
        assert halfway["progress"]["done"] < ROWS
        assert client.get("/items", headers=admin).json()["total"] == halfway["progress"]["done"]
    work(task, 60, reserved_bytes=reserved)
    done = client.get(f"/tasks/{task}", headers=admin).json()
    assert (done["state"], done["summary"]["created"]) == ("succeeded", ROWS)
    assert client.get("/items?count=exact", headers=admin).json()["total"] == ROWS


@pytest.mark.parametrize("reserved", [0, RESERVED])
def test_an_export_is_made_once_there_is_room_and_leaves_nothing_before(
    client: Client, admin: Headers, disk: Disk, work: Callable[..., None], reserved: int
) -> None:
    work(send(client, admin, FILE).json()["id"])
    task = client.post("/exports", headers=admin, json={"kind": "items", "format": "jsonl"}).json()["id"]
    with disk.filled(left=reserved + 2**20):
        for tries in range(CLAIMS_WITHOUT_PROGRESS + 3):
            work(task, tries, reserved_bytes=reserved)
            assert {name for name in disk.names() if "/files/" in name} == set()
        assert client.get(f"/tasks/{task}", headers=admin).json()["state"] == "running"
        assert problem(client.get(f"/tasks/{task}/result", headers=admin)) == (409, "task-unfinished")
    work(task, 60, reserved_bytes=reserved)
    assert len(client.get(f"/tasks/{task}/result", headers=admin).text.splitlines()) == ROWS


# PostgreSQL


@pytest.fixture
def tablespace(make_disk: Callable[..., Disk]) -> Iterator[tuple[str, Disk]]:
    """A database whose tables are on a small disk, which the server on this machine may use."""
    try:
        owner = pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL is not run by a user of this machine")
    disk = make_disk(48, f"uid={owner.pw_uid}", "mode=700")
    server, name = onlooker(POSTGRESQL), f"stockroom_{uuid.uuid4().hex}"
    try:
        server.connect().close()
    except sa.exc.OperationalError:
        missing("PostgreSQL cannot be reached")
    with server.connect() as connection:
        try:
            connection.execute(sa.text(f"CREATE TABLESPACE {name} LOCATION '{disk.folder}'"))
        except sa.exc.DBAPIError as error:
            pytest.skip(f"PostgreSQL cannot use a disk of this test: {error.orig}")
        connection.execute(sa.text(f"CREATE DATABASE {name} TABLESPACE {name}"))
    try:
        url = sa.make_url(POSTGRESQL).set(drivername="postgresql+asyncpg", database=name)
        yield url.render_as_string(hide_password=False), disk
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
            connection.execute(sa.text(f"DROP TABLESPACE {name}"))


class TestPostgresql:
    @pytest.fixture
    def database_url(self, tablespace: tuple[str, Disk]) -> str:
        migrate.upgrade(tablespace[0])
        return tablespace[0]

    @pytest.fixture
    def disk(self, tablespace: tuple[str, Disk]) -> Disk:
        return tablespace[1]

    @pytest.fixture
    def configure(
        self, database_url: str, tmp_path: Path, configure: Callable[..., Settings]
    ) -> Callable[..., Settings]:
        return lambda **changes: configure(**({"data_dir": tmp_path / "var"} | changes))

    def test_it_is_found_full_and_goes_on_once_there_is_room(
        self, client: Client, admin: Headers, disk: Disk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def make(number: int) -> httpx.Response:
            item = {"sku": f"A{number}", "name": "Axe", "description": "x" * 2000}
            answer: httpx.Response = client.post("/items", headers=admin, json=item)
            return answer

        monkeypatch.setattr("stockroom.db.storage.REMEMBERED", 1e9)
        with disk.filled():
            # Until the pages are full that are there.
            for number in range(1000):
                refused = make(number)
                if refused.status_code != 201:
                    break
            assert problem(refused) == FULL
            assert client.get("/items?count=exact", headers=admin).json()["total"] == number
            assert client.get("/health/ready").json()["dependencies"]["storage"] == "failed"
        assert make(number).status_code == 201
