"""Where the disk is full: what writes says so and changes nothing, what reads goes on."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.contract.contract import Contract
from stockroom.db.connections import Connection
from stockroom.db.database import Database
from stockroom.db.disk_full import DiskFull
from stockroom.db.unit_of_work import Work
from tests.contract.gates.home import Home
from tests.contract.gates.requests import Example
from tests.contract.gates.world import World
from tests.disks import Disk


@pytest.fixture
def disk(make_disk: Callable[..., Disk]) -> Disk:
    return make_disk(16)


@pytest.fixture
def home(disk: Disk, new_home: Callable[..., Home], new_sqlite: Callable[[], str]) -> Home:
    """A service with all that it keeps on the small disk, which reserves nothing of it."""
    database = disk.folder / "stockroom.db"
    database.write_bytes(Path(sa.make_url(new_sqlite()).database or "").read_bytes())
    return new_home(f"sqlite:///{database}", data_dir=disk.folder / "var", reserved_bytes=0)


@pytest.fixture
def prepared(home: Home, contract: Contract, empty: Callable[[Database], None]) -> Callable[..., Any]:
    """Make a world in which an operation's first example succeeds."""

    def prepared(operation_id: str) -> tuple[World, Example]:
        empty(home.database)
        world = World(contract, home)
        return world, world.prepare(world.first(operation_id))

    return prepared


def without_slack(database: Database) -> None:
    """Leave no room in the write-ahead log, which is used again from its beginning."""
    with closing(sqlite3.connect(str(sa.make_url(database.url).database))) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert not busy


def kept(disk: Disk) -> set[str]:
    """The files that are there; messages to workers come and go."""
    return {name for name in disk.names() if not name.startswith("var/broker/")}


def changes(contract: Contract) -> Iterator[str]:
    return (operation.id for operation in contract.operations.values() if operation.method != "GET")


def test_what_writes_is_answered_507_changes_nothing_and_is_done_once_there_is_room(
    contract: Contract, home: Home, disk: Disk, prepared: Callable[..., Any]
) -> None:
    asked = set()
    for operation_id in changes(contract):
        world, example = prepared(operation_id)
        without_slack(home.database)
        before = kept(disk)
        with disk.filled():
            refused = world.send(example)
            assert refused.status_code == 507, (example, refused.text)
            assert refused.json()["type"] == "/problems/storage-full"
            assert kept(disk) == before
        world.succeed(example)
        asked.add(operation_id)
    assert len(asked) > 20


def test_a_database_that_finds_no_room_is_answered_507(
    contract: Contract,
    sqlite_world: World,
    empty: Callable[[Database], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same without a disk that is full, for where none can be made."""
    home = sqlite_world.home

    def full(*args: object) -> Any:
        raise DiskFull("", None, sqlite3.OperationalError("database or disk is full"))

    for operation_id in changes(contract):
        empty(home.database)
        world = World(contract, home)
        example = world.prepare(world.first(operation_id))
        with monkeypatch.context() as patch:
            # A transaction's end, and what is a transaction by itself.
            patch.setattr(Connection, "commit", full)
            patch.setattr(Work, "alone", full)
            assert world.send(example).status_code == 507, example
        world.succeed(example)


def test_what_reads_goes_on(contract: Contract, home: Home, disk: Disk, prepared: Callable[..., Any]) -> None:
    for operation in contract.operations.values():
        if operation.method != "GET":
            continue
        world, example = prepared(operation.id)
        without_slack(home.database)
        with disk.filled():
            world.succeed(example)


def test_every_operation_that_writes_declares_it_and_no_other(contract: Contract) -> None:
    declaring = {operation.id for operation in contract.operations.values() if 507 in operation.responses}
    assert declaring == set(changes(contract))


def test_readiness_tells_and_the_service_stays_ready(home: Home, disk: Disk) -> None:
    def storage() -> str:
        answer = home.client.get("/health/ready")
        assert answer.status_code == 200
        state: str = answer.json()["dependencies"]["storage"]
        return state

    assert storage() == "ok"
    with disk.filled():
        assert storage() == "failed"
    assert storage() == "ok"
