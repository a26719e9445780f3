"""The duties of a worker: whatever goes wrong in one, it comes back, is counted, and is told of once."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from stockroom.activities.activities import Activities
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.process import connection_demand, data_dir
from stockroom.settings import Settings
from tasks import celery, sweep
from tasks import worker as worker_module
from tasks.sweep import Duty, sweeping
from tasks.worker import Parts
from tests.observer import Failures

Lines = list[dict[str, Any]]

# Far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 30.0

# What each duty does, by the name under which a worker calls it.
DUTIES = {
    "sweep": "republish",
    "expiry": "expire",
    "totals": "update_totals",
    "index": "index",
    "retention": "retention.tidy",
}


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> Failures:
    monkeypatch.setattr(celery.activities, "_standing", {})
    monkeypatch.setattr(celery.activities, "_observer", failures := Failures())
    return failures


@pytest.fixture
def step(database: Database, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The step of Celery's worker that keeps its duties up, as the worker has it."""
    monkeypatch.setattr("stockroom.activities.activity.FIRST_WAIT", 0.01)
    settings, files = Settings(_env_file=None, data_dir=tmp_path), FileStore(tmp_path.as_uri())
    parts = Parts(settings, database, files, data_dir.storage(settings, files), validators={})
    monkeypatch.setattr(celery.worker, "_parts", parts)
    (made,) = (kind for kind in celery.app.steps["worker"] if kind.__name__ == "Sweeping")
    step = object.__new__(made)
    yield step
    step.stop(None)
    assert threads() == set()


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()} & DUTIES.keys()


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def raising(*_: Any, **__: Any) -> Any:
    raise TypeError("planted")


def test_every_duty_comes_back_from_a_fault_that_is_no_outage(
    step: Any, failures: Failures, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        for name in DUTIES.values():
            broken.setattr(f"tasks.worker.{name}", raising)
        step.start(None)
        wait_for(lambda: failures.failing == DUTIES.keys())
        assert set(celery.activities.states().values()) == {"failed"}
    wait_for(lambda: failures.failing == set())
    assert celery.activities.states() == dict.fromkeys(DUTIES, "ok")
    assert all(failures.counts[name] > 0 for name in DUTIES)
    for name in DUTIES:
        told = [(line["event"], line["log_level"]) for line in logged if line.get("activity") == name]
        assert told == [("activity.failed", "error"), ("activity.recovered", "info")]


def test_stockroom_check_counts_a_connection_for_every_duty() -> None:
    # With metrics there is one more, the queue.
    assert len(DUTIES) + 1 == connection_demand.DUTIES


def test_a_worker_without_its_parts_gets_them_when_they_can_be_had(
    step: Any, failures: Failures, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = celery.worker._parts
    monkeypatch.setattr(celery.worker, "_parts", None)
    with monkeypatch.context() as broken:
        broken.setattr(celery.worker, "_open", raising)
        step.start(None)
        wait_for(lambda: failures.failing == DUTIES.keys())
    monkeypatch.setattr(celery.worker, "_open", lambda: parts)
    wait_for(lambda: failures.failing == set())


def test_an_outage_is_told_of_without_a_trace(
    step: Any, failures: Failures, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> None:
        raise ConnectionError("away")

    with monkeypatch.context() as broken:
        broken.setattr(worker_module, "republish", away)
        step.start(None)
        wait_for(lambda: failures.counts["sweep"] > 5)
    wait_for(lambda: failures.failing == set())
    (failed, recovered) = (line for line in logged if line.get("activity") == "sweep")
    assert (failed["log_level"], failed["reason"], "exc_info" in failed) == ("warning", "away", False)
    assert recovered["failures"] > 5


def test_a_duty_that_takes_long_does_not_keep_the_worker_from_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "STOP_SECONDS", 0.05)
    begun, over = threading.Event(), threading.Event()

    def long() -> None:
        begun.set()
        over.wait(PATIENCE)

    step = object.__new__(sweeping(Activities(), [Duty("retention", 1, long)]))
    step.start(None)
    assert begun.wait(PATIENCE)
    step.stop(None)
    assert threads() == {"retention"}
    over.set()
    wait_for(lambda: threads() == set())
