"""What one process works on at the same time."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from structlog.typing import EventDict

from stockroom.activities.activity import Activity, Unobserved
from stockroom.process import connection_demand
from stockroom.work.model import Lease
from tasks import turns
from tasks.turns import PLACES, Turns

PATIENCE = 30.0


@pytest.fixture(autouse=True)
def _look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "LOOK_SECONDS", 0.01)


@dataclass
class Bench:
    """Tasks by their owners, handed out as they stand here; each is at work until it is let go."""

    waiting: list[str]
    stopped: bool = False
    fails: int = 0
    begun: list[str] = field(default_factory=list)
    most: int = 0
    _ends: dict[str, threading.Event] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _at_work: int = 0

    def take(self, besides: Collection[str]) -> Lease | None:
        if self.fails:
            self.fails -= 1
            raise sa.exc.OperationalError("", None, Exception())
        for task in self.waiting:
            if task[0] not in besides:
                self.waiting.remove(task)
                return Lease(task, task[0], 1, 1, 30, "items-import", {}, 0, None, 0, None)
        return None

    def carry_out(self, lease: Lease) -> None:
        with self._lock:
            self.begun.append(lease.task_id)
            self._at_work += 1
            self.most = max(self.most, self._at_work)
        assert self._end(lease.task_id).wait(PATIENCE)
        with self._lock:
            self._at_work -= 1

    def let_go(self, *tasks: str) -> None:
        for task in tasks:
            self._end(task).set()

    def _end(self, task: str) -> threading.Event:
        with self._lock:
            return self._ends.setdefault(task, threading.Event())

    def turns(self) -> Turns:
        return Turns(self.take, self.carry_out, lambda: self.stopped, taking())


def taking() -> Activity:
    return Activity("turns", turns.PACE, Unobserved)


def working(work_off: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work_off, daemon=True)
    thread.start()
    return thread


def wait_until(holds: Callable[[], bool]) -> None:
    give_up = threading.Event()
    for _ in range(int(PATIENCE / 0.005)):
        if holds():
            return
        give_up.wait(0.005)
    raise AssertionError("it does not come to be")


def test_tasks_of_one_owner_are_worked_off_one_by_one() -> None:
    bench = Bench(["a1", "a2", "a3"])
    bench.let_go("a1", "a2", "a3")
    bench.turns().work_off()
    assert (bench.begun, bench.most) == (["a1", "a2", "a3"], 1)


def test_another_owner_waits_for_nothing_that_has_begun() -> None:
    bench = Bench(["a1", "a2", "a3"])
    thread = working(bench.turns().work_off)
    wait_until(lambda: bench.begun == ["a1"])
    # It comes while the process is at work, and no message is needed.
    bench.waiting.append("b1")
    bench.let_go("b1")
    wait_until(lambda: bench.begun == ["a1", "b1"])
    bench.let_go("a1", "a2", "a3")
    thread.join(PATIENCE)
    assert bench.begun == ["a1", "b1", "a2", "a3"]


def test_there_are_so_many_places_and_no_more() -> None:
    owners = "abcdefgh"
    bench = Bench([f"{owner}1" for owner in owners])
    thread = working(bench.turns().work_off)
    wait_until(lambda: len(bench.begun) == PLACES)
    bench.let_go(*(f"{owner}1" for owner in owners))
    thread.join(PATIENCE)
    assert sorted(bench.begun) == [f"{owner}1" for owner in owners]
    assert bench.most == PLACES


def test_stockroom_check_counts_the_connections_of_all_places() -> None:
    assert PLACES == connection_demand.TASKS_AT_ONCE


def test_threads_of_one_process_share_its_places() -> None:
    bench = Bench(["a1", "a2", "b1"])
    shared = bench.turns()
    threads = [working(shared.work_off) for _ in range(3)]
    wait_until(lambda: sorted(bench.begun) == ["a1", "b1"])
    bench.let_go("a1", "a2", "b1")
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(bench.begun) == ["a1", "a2", "b1"]


def test_a_process_that_is_to_stop_begins_nothing() -> None:
    bench = Bench(["a1", "b1"])
    thread = working(bench.turns().work_off)
    wait_until(lambda: len(bench.begun) == 2)
    bench.waiting.append("e1")
    bench.stopped = True
    bench.let_go("a1", "b1", "e1")
    thread.join(PATIENCE)
    assert sorted(bench.begun) == ["a1", "b1"]


def test_a_database_that_is_away_is_told_of_once_and_ends_nothing_that_is_under_way(
    logged: list[EventDict],
) -> None:
    bench = Bench(["a1"])
    thread = working(bench.turns().work_off)
    wait_until(lambda: bench.begun == ["a1"])
    bench.fails = 10
    bench.waiting.append("b1")
    bench.let_go("b1")
    wait_until(lambda: bench.begun == ["a1", "b1"])
    bench.let_go("a1")
    thread.join(PATIENCE)
    assert [line["event"] for line in logged] == ["activity.failed", "activity.recovered"]


def test_work_that_raises_leaves_its_place_to_the_next() -> None:
    bench = Bench(["a1", "a2"])

    def raising(lease: Lease) -> None:
        bench.begun.append(lease.task_id)
        raise KeyError(lease.task_id)

    Turns(bench.take, raising, lambda: False, taking()).work_off()
    assert bench.begun == ["a1", "a2"]


def test_a_task_that_no_thread_could_be_had_for_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(["a1", "a2"])
    bench.let_go("a2")
    process = bench.turns()

    def fail(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", fail)
        process.work_off()
    assert (bench.waiting, bench.begun) == (["a2"], [])
    # The process that has taken "a1" loses its lease; the owner's next task needs no other process.
    process.work_off()
    assert bench.begun == ["a2"]
