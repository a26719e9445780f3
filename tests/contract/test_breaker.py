"""The circuit breaker: of callers of a service that is away one waits, and the others go on at once."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

from stockroom.activities import activity
from stockroom.http.breaker import Away, Breaker


def fail() -> None:
    raise TimeoutError("frozen")


async def is_away(breaker: Breaker, call: Callable[[], object]) -> bool:
    try:
        await breaker.ask(call)
    except Away:
        return True
    return False


def test_after_an_error_nobody_asks_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "FIRST_WAIT", 600.0)
    asked: list[int] = []

    async def scenario() -> None:
        breaker = Breaker()
        assert await breaker.ask(lambda: 7) == 7
        assert await is_away(breaker, fail)
        assert [await is_away(breaker, lambda: asked.append(1)) for _ in range(3)] == [True] * 3

    asyncio.run(scenario())
    assert asked == []


def test_then_one_at_a_time_tries_while_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "FIRST_WAIT", 0.0)
    answers = threading.Event()

    async def scenario() -> None:
        breaker = Breaker()
        assert await is_away(breaker, fail)
        trying = asyncio.create_task(is_away(breaker, answers.wait))
        await asyncio.sleep(0)
        assert [await is_away(breaker, answers.wait) for _ in range(3)] == [True] * 3
        answers.set()
        assert not await trying
        assert not await is_away(breaker, answers.wait)

    asyncio.run(scenario())


def test_those_who_wait_for_a_thread_when_the_first_finds_out_do_not_ask_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(activity, "FIRST_WAIT", 600.0)
    asked: list[int] = []

    async def scenario() -> list[bool]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        breaker, others = Breaker(), threading.Event()

        def first() -> None:
            others.wait()
            fail()

        def ask() -> None:
            asked.append(1)
            fail()

        calls = [asyncio.create_task(is_away(breaker, call)) for call in (first, *[ask] * 20)]
        await asyncio.sleep(0)
        others.set()
        return await asyncio.gather(*calls)

    assert asyncio.run(scenario()) == [True] * 21
    assert asked == []


def test_it_is_told_once_that_it_is_away_and_that_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "FIRST_WAIT", 0.0)

    async def scenario() -> None:
        breaker = Breaker()
        for _ in range(50):
            await is_away(breaker, fail)
        await breaker.ask(lambda: None)

    with structlog.testing.capture_logs() as lines:
        asyncio.run(scenario())
    told = [(line["event"], line["log_level"]) for line in lines]
    assert told == [("activity.failed", "warning"), ("activity.recovered", "info")]
