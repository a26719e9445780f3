"""Windows in memory: they move with the clock, are each caller's own, and are forgotten when empty."""

from typing import Any

import pytest

from stockroom.http import moving_window
from stockroom.http.moving_window import MovingWindowStorage


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now + 1_700_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(moving_window, "time", clock)
    return clock


def test_a_window_moves(clock: Clock) -> None:
    counted = MovingWindowStorage()
    assert [counted.acquire_entry("a", 2, 60), counted.acquire_entry("a", 2, 60)] == [True, True]
    clock.now += 59
    assert not counted.acquire_entry("a", 2, 60)
    clock.now += 2
    assert counted.acquire_entry("a", 2, 60)
    assert counted.get_moving_window("a", 2, 60) == (clock.time(), 1)


def test_a_window_begins_with_its_first_request(clock: Clock) -> None:
    counted = MovingWindowStorage()
    began = clock.time()
    assert counted.get_moving_window("a", 9, 60) == (began, 0)
    counted.acquire_entry("a", 9, 60)
    clock.now += 20
    counted.acquire_entry("a", 9, 60, amount=3)
    assert counted.get_moving_window("a", 9, 60) == (began, 4)


def test_more_at_once_than_there_is_room_for_is_not_counted(clock: Clock) -> None:
    counted = MovingWindowStorage()
    assert not counted.acquire_entry("a", 2, 60, amount=3)
    assert counted.get_moving_window("a", 2, 60)[1] == 0


def test_callers_and_lengths_are_apart(clock: Clock) -> None:
    counted = MovingWindowStorage()
    assert counted.acquire_entry("a", 1, 60)
    assert counted.acquire_entry("b", 1, 60)
    assert counted.acquire_entry("a", 1, 3600)


def test_nothing_is_kept_of_callers_who_stay_away(clock: Clock) -> None:
    counted = MovingWindowStorage()
    for stranger in range(1000):
        counted.acquire_entry(f"stranger {stranger}", 5, 60)
    clock.now += 61
    for _ in range(500):
        counted.acquire_entry("a", 5000, 60)
    assert kept(counted) == {60: ["a"]}


def test_those_who_come_back_are_kept(clock: Clock) -> None:
    counted = MovingWindowStorage()
    counted.acquire_entry("a", 5, 60)
    counted.acquire_entry("b", 5, 60)
    clock.now += 40
    counted.acquire_entry("a", 5, 60)
    clock.now += 40
    counted.acquire_entry("c", 5, 60)
    assert kept(counted) == {60: ["a", "c"]}
    assert counted.get_moving_window("a", 5, 60)[1] == 1


def kept(counted: Any) -> dict[int, list[str]]:
    return {length: list(callers) for length, callers in counted._windows.items()}
