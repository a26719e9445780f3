"""Tasks, the leases under which they are done, and what is cleared away after them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.db.pages import PageRequest
from stockroom.db.tables import import_keys, revocations, sessions, users
from stockroom.errors import NotFound, TaskFinished
from stockroom.retention import actions as retention
from stockroom.work import actions as tasks
from stockroom.work import lease_queries as stored_leases
from stockroom.work import leases
from stockroom.work import queries as stored_tasks
from stockroom.work.bounds import Amounts
from stockroom.work.model import Lease, LeaseLost, Task, TaskError
from stockroom.work.renewals import Renewals
from tasks.sweep import end_unrenewed
from tests.import_desk import PLENTY

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
FIRST = PageRequest(page=None, per_page=2, cursor=None, exact=False)
PLAIN = {"kind": "items-import", "parameters": {}, "bounds": PLENTY, "asked": Amounts(tasks=1)}
NONE = FileStore("memory://none")
SUMMARY = {"created": 1, "updated": 0, "unchanged": 0, "merged": 0, "rejected": 0}


class Calls(list[str]):
    """A publisher that remembers."""

    def publish(self, task_id: str) -> None:
        self.append(task_id)


def at(database: Database, moment: datetime) -> Database:
    return replace(database, clock=lambda: moment)


@pytest.fixture
def database(database: Database) -> Database:
    database = at(database, NOW)
    with database.work() as work:
        for name in ("ann", "bob"):
            work.connection.execute(
                users.insert().values(
                    username=name,
                    email="a@example.org",
                    password_hash="-",
                    role="clerk",
                    disabled=False,
                    created_at=NOW,
                )
            )
    return database


def enqueue(database: Database, owner: str = "ann", publisher: tasks.Publisher | None = None) -> Task:
    with database.work() as work:
        return tasks.enqueue(
            work,
            owner=owner,
            kind="items-import",
            parameters={"dry_run": True},
            publisher=publisher or Calls(),
            bounds=PLENTY,
            asked=Amounts(tasks=1),
        )


def find(database: Database, task_id: str, owner: str = "ann") -> Task:
    with database.connect() as reader:
        return tasks.find(reader, task_id, owner)


def claim(database: Database, task_id: str, seconds: float = 30) -> Lease | None:
    with database.work() as work:
        return leases.claim(work, task_id, seconds=seconds)


def claimed(database: Database, task_id: str) -> Lease:
    lease = claim(database, task_id)
    assert lease is not None
    return lease


def progress(database: Database, lease: Lease, done: int = 10) -> None:
    with database.work() as work:
        leases.progress(work, lease, done=done, errors=0, summary=SUMMARY)


def test_a_worker_is_called_for_once_the_task_is_committed(database: Database) -> None:
    calls = Calls()
    with database.work() as work:
        task = tasks.enqueue(work, owner="ann", publisher=calls, **PLAIN)
        assert calls == []
    assert calls == [task.id]
    assert find(database, task.id.upper()) == task
    assert (task.state, task.progress.done, task.progress.total) == ("queued", 0, None)


def test_nobody_is_called_for_a_task_that_is_rolled_back(database: Database) -> None:
    calls = Calls()
    with database.work() as work:
        task = tasks.enqueue(work, owner="ann", publisher=calls, **PLAIN)
        work.rollback()
    assert calls == []
    with pytest.raises(NotFound):
        find(database, task.id)


def test_the_tasks_of_others_do_not_exist(database: Database) -> None:
    task = enqueue(database, owner="bob")
    with pytest.raises(NotFound):
        find(database, task.id)
    with pytest.raises(NotFound), database.work() as work:
        tasks.cancel(work, task.id, "ann", files=NONE)
    with pytest.raises(NotFound), database.connect() as reader:
        tasks.list_errors(reader, task.id, "ann", FIRST)


def test_tasks_are_listed_newest_first_by_owner_and_state(database: Database) -> None:
    enqueue(database, owner="bob")
    made = [enqueue(at(database, NOW + timedelta(seconds=second))).id for second in range(3)]
    with database.work() as work:
        tasks.cancel(work, made[1], "ann", files=NONE)
    with database.connect() as reader:
        page = tasks.list_tasks(reader, "ann", FIRST)
        rest = tasks.list_tasks(reader, "ann", replace(FIRST, cursor=page.next))
        cancelled = tasks.list_tasks(reader, "ann", FIRST, "cancelled")
    assert [task.id for task in page.rows + rest.rows] == made[::-1]
    assert [task.id for task in cancelled.rows] == [made[1]]


def test_a_claimed_task_is_nobody_elses_until_its_lease_runs_out(database: Database) -> None:
    task = enqueue(database)
    first = claimed(database, task.id)
    assert find(database, task.id).state == "running"
    assert claim(at(database, NOW + timedelta(seconds=29)), task.id) is None
    second = claimed(at(database, NOW + timedelta(seconds=30)), task.id)
    assert second.fence == first.fence + 1


def test_a_renewed_lease_runs_from_the_renewal(database: Database) -> None:
    task = enqueue(database)
    lease = claimed(database, task.id)
    with at(database, NOW + timedelta(seconds=20)).work() as work:
        leases.renew(work, lease, total=70)
    assert claim(at(database, NOW + timedelta(seconds=49)), task.id) is None
    assert find(database, task.id).progress.total == 70


def test_of_many_workers_at_once_one_gets_the_task(database: Database, at_once) -> None:
    task = enqueue(database)
    got = at_once(*[lambda: claim(database, task.id)] * 6)
    assert sum(lease is not None for lease in got) == 1


def test_the_late_writes_of_an_overtaken_worker_are_refused(database: Database) -> None:
    task = enqueue(database)
    late = claimed(database, task.id)
    later = at(database, NOW + timedelta(minutes=1))
    progress(later, claimed(later, task.id), done=10)
    for write in (
        lambda work: leases.renew(work, late),
        lambda work: leases.progress(work, late, done=5, errors=0, summary=SUMMARY),
        lambda work: leases.finish(work, late, done=5, summary=SUMMARY),
        lambda work: leases.fail(work, late, "no"),
        lambda work: leases.release(work, late),
    ):
        with pytest.raises(LeaseLost), later.work() as work:
            write(work)
    task = find(database, task.id)
    assert (task.state, task.progress.done) == ("running", 10)


def test_a_cancelled_task_is_finished_and_its_worker_refused(database: Database) -> None:
    task = enqueue(database)
    lease = claimed(database, task.id)
    with database.work() as work:
        assert tasks.cancel(work, task.id, "ann", files=NONE).state == "cancelled"
    with pytest.raises(LeaseLost):
        progress(database, lease)
    assert find(database, task.id).finished_at == NOW
    with pytest.raises(TaskFinished, match="been cancelled"), database.work() as work:
        tasks.cancel(work, task.id, "ann", files=NONE)
    assert claim(database, task.id) is None


def test_a_finished_task_shows_its_summary_and_cannot_be_cancelled(database: Database) -> None:
    task = enqueue(database)
    lease = claimed(database, task.id)
    progress(database, lease)
    assert find(database, task.id).summary is None
    with database.work() as work:
        leases.finish(work, lease, done=11, summary=SUMMARY)
    task = find(database, task.id)
    assert (task.state, task.summary, task.progress.done, task.progress.total) == (
        "succeeded",
        SUMMARY,
        11,
        11,
    )
    with pytest.raises(TaskFinished, match="succeeded"), database.work() as work:
        tasks.cancel(work, task.id, "ann", files=NONE)


def claims_until_hopeless(database: Database, task_id: str) -> int:
    for count in range(20):
        if claimed(database, task_id).is_hopeless:
            return count
        database = at(database, database.clock() + timedelta(minutes=1))
    raise AssertionError("claimed for ever")


def test_work_that_gets_further_or_is_given_back_or_excused_is_not_hopeless(database: Database) -> None:
    task = enqueue(database)
    for _ in range(8):
        lease = claimed(database, task.id)
        with database.work() as work:
            leases.release(work, lease)
    progress(database, claimed(database, task.id))
    later = at(database, NOW + timedelta(minutes=1))
    assert claims_until_hopeless(later, task.id) == 5
    later = at(database, NOW + timedelta(hours=1))
    excused = claimed(later, task.id)
    with later.work() as work:
        leases.excuse(work, excused)
    assert claims_until_hopeless(at(database, NOW + timedelta(hours=2)), task.id) == 5


def republished(database: Database, moments: Iterable[float]) -> list[float]:
    """The seconds at which a sweep finds something to call for."""
    found = []
    for seconds in moments:
        moment = NOW + timedelta(seconds=seconds)
        with database.connect() as reader:
            due = stored_leases.any_unattended(reader, moment)
        with database.work() as work:
            assert bool(stored_leases.take_unattended(work.connection, moment)) is due
        if due:
            found.append(seconds)
    return found


def test_an_unanswered_call_is_repeated_at_growing_intervals(database: Database) -> None:
    enqueue(database)
    assert republished(database, range(100)) == [5, 10, 20, 40, 80]
    hours = republished(database, range(100, 4 * 3600, 50))
    assert max(b - a for a, b in pairwise(hours)) == 600


def test_a_task_is_called_for_when_its_worker_is_gone_or_gave_it_back(database: Database) -> None:
    task = enqueue(database)
    lease = claimed(database, task.id)
    assert republished(database, range(29, 33)) == [30]
    with database.work() as work:
        leases.release(work, lease)
    assert republished(database, [33]) == [33]


@pytest.mark.parametrize("age", [0, 90, 3 * 3600])
def test_a_task_of_any_age_is_called_for_at_once_when_its_worker_is_gone(
    database: Database, age: int
) -> None:
    task = enqueue(database)
    assert republished(database, [age]) == ([age] if age else [])
    for killed in (age + 100, age + 200):
        claimed(at(database, NOW + timedelta(seconds=killed)), task.id)
        free = killed + 30
        # As of a new task: the interval grows while nobody takes it.
        calls = [free + seconds for seconds in (0, 5, 10, 20, 40)]
        assert republished(database, range(killed, killed + 100)) == calls


class Seconds:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_where_the_clock_is_set_back_a_lease_still_ends_when_nobody_renews_it(database: Database) -> None:
    dead, alive = enqueue(database), enqueue(database)
    gone, kept = claimed(database, dead.id), claimed(database, alive.id)
    back, passed = at(database, NOW - timedelta(hours=1)), Seconds()
    renewals = Renewals(passed)
    for passed.now in range(0, 31, 5):
        end_unrenewed(back, renewals, 30)
        assert claim(back, dead.id) is None
        with at(back, back.clock() + timedelta(seconds=passed.now)).work() as work:
            leases.renew(work, kept)
    passed.now = 35
    end_unrenewed(back, renewals, 30)
    assert republished(database, [-3600]) == [-3600]
    taken = claimed(back, dead.id)
    assert taken.fence == gone.fence + 1
    assert claim(back, alive.id) is None
    # A worker that was only slow has lost the task.
    with pytest.raises(LeaseLost):
        progress(back, gone)
    progress(back, taken)


def test_a_lease_that_is_renewed_in_the_last_moment_is_kept(database: Database) -> None:
    task = enqueue(database)
    lease = claimed(database, task.id)
    with database.connect() as reader:
        (seen,) = stored_leases.standing(reader, NOW)
    later = at(database, NOW + timedelta(seconds=1))
    with later.work() as work:
        leases.renew(work, lease)
        assert not stored_leases.expire(work.connection, seen, NOW)
    assert claim(at(database, NOW + timedelta(seconds=30)), task.id) is None


def test_a_clock_that_was_set_back_keeps_no_task_waiting(database: Database) -> None:
    enqueue(database)
    assert republished(database, [-3600, -3598, -3595]) == [-3600, -3595]


def test_of_many_sweeps_at_once_one_calls(database: Database, at_once) -> None:
    enqueue(database)
    later = at(database, NOW + timedelta(seconds=6))

    def sweep() -> list[str]:
        with later.work() as work:
            return stored_leases.take_unattended(work.connection, work.now)

    assert sum(len(found) for found in at_once(*[sweep] * 6)) == 1


def test_errors_are_listed_in_order_and_by_kind(database: Database) -> None:
    task = enqueue(database)
    errors = [
        TaskError(2, "Name", "rejected", "name is missing", None),
        TaskError(4, "Name", "merged", "repeats a", "A"),
        TaskError(3, None, "rejected", "ragged", "x"),
    ]
    with database.work() as work:
        stored_tasks.add_errors(work.connection, task.id, errors)
    with database.connect() as reader:
        page = tasks.list_errors(reader, task.id, "ann", FIRST)
        rest = tasks.list_errors(reader, task.id, "ann", replace(FIRST, cursor=page.next))
        merged = tasks.list_errors(reader, task.id, "ann", FIRST, "merged")
    assert list(page.rows + rest.rows) == errors
    assert list(merged.rows) == [errors[1]]


def test_housekeeping_deletes_what_has_served_its_time(database: Database, tmp_path: Path) -> None:
    files = FileStore((tmp_path / "files").as_uri())
    source = tmp_path / "upload"
    source.write_bytes(b"sku,name\n")
    done, pending = enqueue(database), enqueue(database)
    for name in (done.id, pending.id, "orphan"):
        files.put(source, f"{name}.csv")
    # Files bear the time they were really written at.
    soon = datetime.now(UTC) + timedelta(hours=1)
    with database.work() as work:
        tasks.cancel(work, done.id, "ann", files=NONE)
        for task in (done, pending):
            note = {"task_id": task.id, "key": "a", "line": 2, "name": "A", "outcome": "created"}
            work.connection.execute(import_keys.insert().values(note))
        for name, expires in (("old", soon - timedelta(seconds=1)), ("new", soon + timedelta(hours=1))):
            session = {"id": name, "username": "ann", "created_at": NOW, "expires_at": expires}
            work.connection.execute(sessions.insert().values(session))
            work.connection.execute(revocations.insert().values(session_id=name, expires_at=expires))
    retention.tidy(at(database, soon), files)
    with database.connect() as reader:
        assert list(reader.scalars(sa.select(import_keys.c.task_id))) == [pending.id]
        for column in (sessions.c.id, revocations.c.session_id):
            assert list(reader.scalars(sa.select(column))) == ["new"]
    assert stored(tmp_path) == sorted([f"{pending.id}.csv", "orphan.csv"])
    retention.tidy(at(database, soon + timedelta(hours=24)), files)
    assert stored(tmp_path) == [f"{pending.id}.csv"]


def stored(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "files").iterdir())
