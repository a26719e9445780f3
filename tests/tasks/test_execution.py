"""Working on one task: what is written when work ends well, badly, or not at all."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from stockroom.activities.activities import Activities
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.db.tables import users
from stockroom.work import actions as tasks
from stockroom.work import leases
from stockroom.work.bounds import Amounts
from stockroom.work.model import CLAIMS_WITHOUT_PROGRESS, Lease, Task, Unworkable
from tasks import execution
from tasks.sweep import republish
from tests.import_desk import PLENTY
from tests.observer import Failures

Execute = Callable[..., bool]
SOURCE = "source.csv"


class Nobody:
    def publish(self, task_id: str) -> None:
        pass


@pytest.fixture
def task(database: Database) -> Task:
    with database.work() as work:
        user = {"username": "ann", "email": "a@example.org", "password_hash": "-", "role": "manager"}
        work.connection.execute(users.insert().values({**user, "disabled": False, "created_at": work.now}))
        return tasks.enqueue(
            work,
            owner="ann",
            kind="items-import",
            parameters={"file": SOURCE},
            publisher=Nobody(),
            bounds=PLENTY,
            asked=Amounts(tasks=1, upload_bytes=9),
        )


def find(database: Database, task: Task) -> Task:
    with database.connect() as reader:
        return tasks.find(reader, task.id, "ann")


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    """Holds the file that the task is made from."""
    store, upload = FileStore((tmp_path / "files").as_uri()), tmp_path / "upload"
    upload.write_bytes(b"sku,name\n")
    store.put(upload, SOURCE)
    return store


@pytest.fixture
def execute(files: FileStore) -> Execute:
    """Claim the task, and do it as `run` does. False if it cannot be claimed."""

    def execute(
        database: Database,
        task: Task,
        run: Callable[[Lease], bool],
        seconds: float = 30,
        activities: Activities | None = None,
    ) -> bool:
        with database.work() as work:
            lease = leases.claim(work, task.id, seconds=seconds)
        if lease is not None:
            execution.carry_out(database, files, lease, run, activities or Activities())
        return lease is not None

    return execute


def is_kept(files: FileStore) -> bool:
    return list(files.names_older_than(datetime.now(UTC) + timedelta(hours=1))) == [SOURCE]


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


def test_a_task_is_worked_on_once_and_its_file_goes(
    database: Database, task: Task, execute: Execute, files: FileStore
) -> None:
    assert execute(database, task, finishing(database))
    assert find(database, task).state == "succeeded"
    assert not is_kept(files)
    assert not execute(database, task, raising(AssertionError("worked on again")))
    assert find(database, task).state == "succeeded"


def test_a_task_that_leaves_off_is_queued_again_with_its_file(
    database: Database, task: Task, execute: Execute, files: FileStore
) -> None:
    execute(database, task, lambda lease: False)
    assert find(database, task).state == "queued"
    assert is_kept(files)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (KeyError("secret"), "The work ended in an unexpected error; what was done before it stays."),
        (FileNotFoundError("/secret"), "The file of the task is gone."),
        (Unworkable("It is too much."), "It is too much."),
    ],
)
def test_an_error_fails_the_task_in_words_for_its_owner_and_its_file_goes(
    database: Database, task: Task, execute: Execute, files: FileStore, error: Exception, failure: str
) -> None:
    execute(database, task, raising(error))
    found = find(database, task)
    assert (found.state, found.failure) == ("failed", failure)
    assert not is_kept(files)


def test_work_that_ends_its_workers_is_given_up_and_its_file_goes(
    database: Database, task: Task, execute: Execute, files: FileStore
) -> None:
    class Killed(BaseException):
        pass

    def kill(lease: Lease) -> bool:
        raise Killed

    for number in range(CLAIMS_WITHOUT_PROGRESS):
        with pytest.raises(Killed):
            execute(later(database, minutes=number), task, kill)
    assert is_kept(files)
    execute(later(database, minutes=10), task, kill)
    found = find(database, task)
    assert (found.state, f"{CLAIMS_WITHOUT_PROGRESS} workers" in (found.failure or "")) == ("failed", True)
    assert not is_kept(files)


def later(database: Database, minutes: int) -> Database:
    moment = database.clock() + timedelta(minutes=minutes)
    return replace(database, clock=lambda: moment)


@pytest.mark.parametrize(
    "error", [sa.exc.OperationalError("", None, Exception()), sa.exc.TimeoutError(), ConnectionError()]
)
def test_a_task_whose_database_or_file_store_is_away_is_taken_up_again_later(
    database: Database, task: Task, execute: Execute, files: FileStore, error: Exception
) -> None:
    execute(database, task, raising(error))
    assert find(database, task).state == "running"
    assert is_kept(files)
    then = later(database, minutes=1)
    called: list[str] = []
    republish(then, called.append)
    assert called == [task.id]
    execute(then, task, finishing(then))
    assert find(database, task).state == "succeeded"


@pytest.mark.parametrize("notices", [finishing, lambda database: raising(FileNotFoundError())])
def test_a_task_that_was_cancelled_meanwhile_stays_so_and_its_file_is_gone(
    database: Database, task: Task, execute: Execute, files: FileStore, notices: Any
) -> None:
    def run(lease: Lease) -> bool:
        with database.work() as work:
            tasks.cancel(work, task.id, "ann", files=files)
        assert not is_kept(files)
        return notices(database)(lease)

    execute(database, task, run)
    found = find(database, task)
    assert (found.state, found.failure) == ("cancelled", None)


def test_the_lease_is_renewed_while_the_work_takes_its_time(
    database: Database, task: Task, execute: Execute
) -> None:
    renewed = threading.Event()
    watched = replace(database, clock=lambda: renewed.set() or database.clock())

    def run(lease: Lease) -> bool:
        renewed.clear()
        assert renewed.wait(30)
        return finishing(database)(lease)

    execute(watched, task, run, seconds=0.3)
    assert find(database, task).state == "succeeded"


def test_a_lease_that_cannot_be_renewed_for_a_fault_is_renewed_after_it(
    database: Database, task: Task, execute: Execute, monkeypatch: pytest.MonkeyPatch
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
        execute(database, task, run, seconds=0.3, activities=activities)
    assert find(database, task).state == "succeeded"
    assert (failures.counts, activities.states()) == ({"lease": 2}, {})
    assert [(line["event"], line["activity"]) for line in logged] == [
        ("activity.failed", "lease"),
        ("activity.recovered", "lease"),
    ]
