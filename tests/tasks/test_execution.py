"""Working on one task: what is written when work ends well, badly, or not at all."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from stockroom.activities.activities import Activities
from stockroom.db.database import Database
from stockroom.db.tables import users
from stockroom.work import actions as tasks
from stockroom.work import leases
from stockroom.work.model import Lease, Task, Unworkable
from tasks import execution
from tasks.sweep import republish
from tests.observer import Failures


class Nobody:
    def publish(self, task_id: str) -> None:
        pass


@pytest.fixture
def task(database: Database) -> Task:
    with database.work() as work:
        user = {"username": "ann", "email": "a@example.org", "password_hash": "-", "role": "manager"}
        work.connection.execute(users.insert().values({**user, "disabled": False, "created_at": work.now}))
        return tasks.enqueue(work, owner="ann", kind="items-import", parameters={}, publisher=Nobody())


def find(database: Database, task: Task) -> Task:
    with database.connect() as reader:
        return tasks.find(reader, task.id, "ann")


def execute(database: Database, task: Task, run: Callable[[Lease], bool], seconds: float = 30) -> None:
    execution.execute(database, task.id, run, lease_seconds=seconds, activities=Activities())


def finishing(database: Database) -> Callable[[Lease], bool]:
    def run(lease: Lease) -> bool:
        with database.work() as work:
            leases.finish(work, lease, done=0, summary={})
        return True

    return run


def raising(error: Exception) -> Callable[[Lease], bool]:
    def run(lease: Lease) -> bool:
        raise error

    return run


def test_a_task_is_worked_on_once(database: Database, task: Task) -> None:
    execute(database, task, finishing(database))
    assert find(database, task).state == "succeeded"
    execute(database, task, raising(AssertionError("worked on again")))
    assert find(database, task).state == "succeeded"


def test_a_task_that_leaves_off_is_queued_again(database: Database, task: Task) -> None:
    execute(database, task, lambda lease: False)
    assert find(database, task).state == "queued"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (KeyError("secret"), "The work ended in an unexpected error; what was done before it stays."),
        (FileNotFoundError("/secret"), "The file of the task is gone."),
        (Unworkable("It is too much."), "It is too much."),
    ],
)
def test_an_error_fails_the_task_in_words_for_its_owner(
    database: Database, task: Task, error: Exception, failure: str
) -> None:
    execute(database, task, raising(error))
    found = find(database, task)
    assert (found.state, found.failure) == ("failed", failure)


@pytest.mark.parametrize(
    "error", [sa.exc.OperationalError("", None, Exception()), sa.exc.TimeoutError(), ConnectionError()]
)
def test_a_task_whose_database_or_file_store_is_away_is_taken_up_again_later(
    database: Database, task: Task, error: Exception
) -> None:
    execute(database, task, raising(error))
    assert find(database, task).state == "running"
    later = replace(database, clock=lambda: database.clock() + timedelta(seconds=31))
    called: list[str] = []
    republish(later, called.append)
    assert called == [task.id]
    execute(later, task, finishing(later))
    assert find(database, task).state == "succeeded"


def test_a_task_that_was_cancelled_meanwhile_stays_so(database: Database, task: Task) -> None:
    def run(lease: Lease) -> bool:
        with database.work() as work:
            tasks.cancel(work, task.id, "ann")
        return finishing(database)(lease)

    execute(database, task, run)
    assert find(database, task).state == "cancelled"


def test_the_lease_is_renewed_while_the_work_takes_its_time(database: Database, task: Task) -> None:
    renewed = threading.Event()
    watched = replace(database, clock=lambda: renewed.set() or database.clock())

    def run(lease: Lease) -> bool:
        renewed.clear()
        assert renewed.wait(30)
        return finishing(database)(lease)

    execute(watched, task, run, seconds=0.3)
    assert find(database, task).state == "succeeded"


def test_a_lease_that_cannot_be_renewed_for_a_fault_is_renewed_after_it(
    database: Database, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = threading.Event()
    faults = [TypeError("planted"), TypeError("planted")]
    renew = leases.renew

    def sometimes(*arguments: Any) -> None:
        if faults:
            raise faults.pop()
        renew(*arguments)
        renewed.set()

    def run(lease: Lease) -> bool:
        assert renewed.wait(30)
        return finishing(database)(lease)

    monkeypatch.setattr("stockroom.activities.activity.FIRST_WAIT", 0.01)
    monkeypatch.setattr(leases, "renew", sometimes)
    activities = Activities(failures := Failures())
    with structlog.testing.capture_logs() as logged:
        execution.execute(database, task.id, run, lease_seconds=0.3, activities=activities)
    assert find(database, task).state == "succeeded"
    assert (failures.counts, activities.states()) == ({"lease": 2}, {})
    assert [(line["event"], line["activity"]) for line in logged] == [
        ("activity.failed", "lease"),
        ("activity.recovered", "lease"),
    ]
