"""What is logged and counted of an activity that fails: each kind once, then ever more seldom."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from stockroom.activities import activity
from stockroom.activities.activity import KINDS, LONGEST_SILENCE, SETTLED, Activity, Pace
from tests.observer import Failures

HOURS = 3600.0
Lines = list[dict[str, Any]]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def failures() -> Failures:
    return Failures()


def an_activity(clock: Clock, failures: Failures, pace: Pace | None = None) -> Activity:
    return Activity("feed", pace or Pace(every=1), lambda: failures, clock)


def raise_here(error: Exception) -> None:
    raise error


def raise_there(error: Exception) -> None:
    raise error


def raised(error: Exception, raise_: Callable[[Exception], None] = raise_here) -> Exception:
    """The error as it comes from the place where it is raised."""
    try:
        raise_(error)
    except Exception as caught:  # noqa: BLE001 - it is one of any kind
        return caught
    raise AssertionError


def events(logged: Lines) -> list[str]:
    return [line["event"] for line in logged]


def test_a_failure_is_logged_once_then_seldom_and_its_end_too(
    clock: Clock, failures: Failures, logged: Lines
) -> None:
    feed = an_activity(clock, failures)
    for _ in range(8 * 3600):
        feed.failed(raised(KeyError("x")))
        clock.now += 1
    feed.succeeded()
    assert events(logged)[0] == "activity.failed"
    assert set(events(logged)[1:-1]) == {"activity.still_failing"}
    assert 8 <= len(logged) <= 16
    assert logged[-1] == {
        "event": "activity.recovered",
        "log_level": "info",
        "activity": "feed",
        "failures": 8 * 3600,
        "seconds": 8 * HOURS,
    }
    assert (failures.counts, failures.failing) == ({"feed": 8 * 3600}, set())


def test_the_silence_between_two_lines_grows_to_an_hour(
    clock: Clock, failures: Failures, logged: Lines
) -> None:
    feed = an_activity(clock, failures)
    told: list[float] = []
    for _ in range(24 * 360):
        feed.failed(raised(KeyError("x")))
        if len(logged) > len(told):
            told.append(clock.now)
        clock.now += 10
    silences = [later - earlier for earlier, later in pairwise(told)]
    assert silences[:5] == [60, 120, 240, 480, 960]
    assert silences[-1] == LONGEST_SILENCE


def test_each_kind_of_failure_is_logged_when_it_comes_first(
    clock: Clock, failures: Failures, logged: Lines
) -> None:
    feed = an_activity(clock, failures)
    for _ in range(5):
        for error in (
            raised(KeyError("x")),
            raised(KeyError("y")),
            raised(ValueError("x")),
            raised(KeyError("x"), raise_there),
        ):
            feed.failed(error)
    assert [(line["event"], line["error"]) for line in logged] == [
        ("activity.failed", "KeyError"),
        ("activity.failed", "ValueError"),
        ("activity.failed", "KeyError"),
    ]


def test_kinds_beyond_the_bound_are_not_logged_one_by_one(
    clock: Clock, failures: Failures, logged: Lines
) -> None:
    feed = an_activity(clock, failures)
    for number in range(10 * KINDS):
        feed.failed(raised(type(f"Error{number}", (Exception,), {})()))
    assert len(logged) == KINDS


def test_what_fails_and_recovers_all_the_time_is_told_of_as_seldom(
    clock: Clock, failures: Failures, logged: Lines
) -> None:
    feed = an_activity(clock, failures)
    for _ in range(3600):
        feed.failed(raised(KeyError("x")))
        clock.now += 0.5
        feed.succeeded()
        clock.now += 0.5
    assert len(logged) < 20
    assert events(logged)[:2] == ["activity.failed", "activity.recovered"]


def test_a_failure_after_a_good_while_is_a_new_one(clock: Clock, failures: Failures, logged: Lines) -> None:
    feed = an_activity(clock, failures)
    for _ in range(2):
        feed.failed(raised(KeyError("x")))
        feed.succeeded()
        clock.now += SETTLED
    assert events(logged) == ["activity.failed", "activity.recovered"] * 2
    assert [line["failures"] for line in logged] == [1] * 4


def test_an_outage_is_a_warning_and_all_else_an_error_with_its_trace(
    clock: Clock, failures: Failures, logged: Lines
) -> None:
    feed = an_activity(clock, failures, Pace(every=1, expected=(OSError,)))
    feed.failed(raised(ConnectionError("away")))
    feed.failed(error := raised(KeyError("x")))
    outage, fault = logged
    assert (outage["log_level"], outage["reason"], "exc_info" in outage) == ("warning", "away", False)
    assert (fault["log_level"], fault["exc_info"]) == ("error", error)


def test_waits_grow_to_the_longest_and_are_never_the_same_for_all() -> None:
    pace = Pace(every=5, longest=30)
    assert pace.wait(0) == 5
    for failures, most in ((1, 0.5), (2, 1), (3, 2), (6, 16), (7, 30), (1_000_000, 30)):
        waits = [pace.wait(failures) for _ in range(200)]
        assert most / 2 <= min(waits) < max(waits) <= most
        assert len(set(waits)) > 100


def test_without_patience_the_last_step_decides(clock: Clock, failures: Failures) -> None:
    feed = an_activity(clock, failures, Pace())
    clock.now += HOURS
    assert feed.state == "ok"
    feed.failed(raised(KeyError("x")))
    assert feed.state == "failed"
    feed.succeeded()
    assert feed.state == "ok"


def test_with_patience_an_activity_that_is_not_heard_of_has_failed(clock: Clock, failures: Failures) -> None:
    feed = an_activity(clock, failures, Pace(every=1, patience=3))
    feed.succeeded()
    feed.failed(raised(KeyError("x")))
    assert feed.state == "ok"
    clock.now += 3.1
    # As it would be, too, if no step had ended at all.
    assert feed.state == "failed"
    feed.succeeded()
    assert feed.state == "ok"


def test_neither_log_nor_counters_can_end_an_activity(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "log", None)
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    nobody: Any = None
    feed = Activity("feed", Pace(every=1), lambda: nobody, clock)
    assert feed.failed(raised(KeyError("x"))) == 0.5
    assert feed.succeeded() == 1
