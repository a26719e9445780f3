"""Threads for the event loop: what a call returns or raises comes back, and closing waits for it."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from stockroom.contract.threads import Threads

NAME = contextvars.ContextVar("NAME", default="nobody")


def run(scenario: Callable[[Threads], Coroutine[Any, Any, Any]], most: int = 2) -> Any:
    threads = Threads(most, "test")
    try:
        return asyncio.run(scenario(threads))
    finally:
        threads.close()


def test_the_result_comes_back_from_another_thread() -> None:
    assert run(lambda threads: threads.run(threading.get_ident)) != threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration(), SystemExit(3)])
def test_what_is_raised_comes_back(error: BaseException) -> None:
    def fail() -> None:
        raise error

    # A coroutine cannot let StopIteration through (PEP 479).
    with pytest.raises(RuntimeError if isinstance(error, StopIteration) else type(error)):
        run(lambda threads: threads.run(fail))


def test_the_callers_context_is_there() -> None:
    async def scenario(threads: Threads) -> str:
        NAME.set("ada")
        return await threads.run(NAME.get)

    assert run(scenario) == "ada"


def test_there_are_at_most_so_many_at_once() -> None:
    busy, most = 0, 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.02)
        with lock:
            busy -= 1

    async def scenario(threads: Threads) -> None:
        await asyncio.gather(*(threads.run(work) for _ in range(12)))

    run(scenario, most=3)
    assert most == 3


def test_closing_waits_for_what_a_cancelled_caller_began() -> None:
    began, done = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        time.sleep(0.1)
        done.set()

    async def scenario(threads: Threads) -> None:
        task = asyncio.create_task(threads.run(work))
        await asyncio.to_thread(began.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        threads.close()
        assert done.is_set()

    run(scenario)


def test_a_request_is_not_kept_when_it_is_over() -> None:
    class Request:
        alive = 0

        def __init__(self) -> None:
            Request.alive += 1

        def __del__(self) -> None:
            Request.alive -= 1

        def __call__(self) -> None:
            pass

    async def scenario(threads: Threads) -> int:
        await threads.run(Request())
        await asyncio.sleep(0.05)
        return Request.alive

    assert run(scenario, most=1) == 0
