"""Whose task is next: accounts take turns, and what one has begun keeps no other waiting."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.db.tables import users
from stockroom.work import actions as tasks
from stockroom.work import leases
from stockroom.work.bounds import Amounts
from stockroom.work.model import Lease
from tests.import_desk import PLENTY, Nobody

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
OWNERS = ("ann", "bob", "eve")


class Clock:
    """A second passes whenever it is looked at."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def database(database: Database) -> Database:
    database = replace(database, clock=Clock())
    with database.work() as work:
        for name in OWNERS:
            account = {"username": name, "email": "a@example.org", "password_hash": "-", "role": "clerk"}
            work.connection.execute(users.insert(), {**account, "disabled": False, "created_at": NOW})
    return database


@pytest.fixture
def begin(database: Database) -> Callable[..., list[str]]:
    """Begin so many tasks of an owner."""

    def begin(owner: str, count: int = 1) -> list[str]:
        ids = []
        for _ in range(count):
            with database.work() as work:
                plain = {"kind": "items-import", "parameters": {}, "publisher": Nobody()}
                ids.append(
                    tasks.enqueue(work, owner=owner, **plain, bounds=PLENTY, asked=Amounts(tasks=1)).id
                )
        return ids

    return begin


@pytest.fixture
def take(database: Database) -> Callable[..., Lease | None]:
    def take(*besides: str) -> Lease | None:
        with database.work() as work:
            return leases.take(work, seconds=1000, besides=besides)

    return take


@pytest.fixture
def finish(database: Database) -> Callable[[Lease], None]:
    def finish(lease: Lease) -> None:
        with database.work() as work:
            leases.finish(work, lease, done=0)

    return finish


def test_each_owner_has_a_turn_with_the_oldest_task(begin, take) -> None:
    ann, bob, eve = begin("ann", 5), begin("bob", 2), begin("eve")
    taken = [take() for _ in range(9)]
    assert [lease and lease.owner for lease in taken] == [
        *("ann", "bob", "eve", "ann", "bob", "ann", "ann", "ann"),
        None,
    ]
    assert [lease.task_id for lease in taken[:8]] == [
        *(ann[0], bob[0], eve[0], ann[1], bob[1], ann[2], ann[3], ann[4])
    ]


def test_who_was_served_longest_ago_is_next_and_who_never_was_before_him(begin, take, finish) -> None:
    begin("ann", 3), begin("bob", 3)
    for owner in ("ann", "bob", "ann", "bob"):
        lease = take()
        assert lease.owner == owner
        finish(lease)
    begin("eve")
    assert [take().owner for _ in range(3)] == ["eve", "ann", "bob"]


def test_who_has_nothing_at_work_comes_before_who_has(begin, take, finish) -> None:
    begin("ann", 2), begin("bob", 3)
    assert [take().owner for _ in range(3)] == ["ann", "bob", "ann"]
    ended = take()
    assert ended.owner == "bob"
    finish(ended)
    # Bob was served last, and has one at work where Ann has two.
    begin("ann")
    assert take().owner == "bob"


def test_work_that_lost_its_worker_waits_like_any_other_and_keeps_nobody_waiting(
    begin, take, database: Database
) -> None:
    (lost,) = begin("ann")
    assert take().task_id == lost
    begin("bob", 2)
    database.clock.now += timedelta(seconds=2000)
    assert [lease.owner for lease in (take(), take())] == ["bob", "ann"]


def test_a_task_of_those_who_are_being_served_is_left(begin, take) -> None:
    begin("ann", 3)
    assert take("ann") is None
    begin("bob")
    assert take("ann").owner == "bob"
    assert take("ann", "bob") is None
    assert take("bob").owner == "ann"


def test_what_has_ended_is_nobodys_turn(begin, take, database: Database) -> None:
    (cancelled,) = begin("ann")
    with database.work() as work:
        tasks.cancel(work, cancelled, "ann", files=FileStore("memory://none"))
    with database.connect() as reader:
        assert not leases.is_any_waiting(reader, (), database.clock())
    assert take() is None
    begin("bob")
    with database.connect() as reader:
        assert leases.is_any_waiting(reader, ("ann",), database.clock())
        assert not leases.is_any_waiting(reader, ("bob",), database.clock())


def test_workers_that_look_at_the_same_time_get_different_tasks(begin, take, at_once) -> None:
    ids = begin("ann", 3) + begin("bob", 2)
    got = at_once(*[take] * 8)
    assert sorted(lease.task_id for lease in got if lease) == sorted(ids)
