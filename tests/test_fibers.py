"""Fibers: plain functions wait on the event loop, and others run meanwhile."""

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from stockroom import fibers
from stockroom.fibers import Fibers

NAME = contextvars.ContextVar("NAME", default="nobody")


def run(call: Callable[[], Any]) -> Any:
    return asyncio.run(Fibers().run(call))


def test_the_result_comes_back_from_the_same_thread() -> None:
    assert run(threading.get_ident) == threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), asyncio.CancelledError()])
def test_what_is_raised_comes_back(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        run(fail)


def test_what_is_waited_for_comes_back_or_is_raised() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("no")

    def work() -> int:
        with pytest.raises(ValueError, match="no"):
            fibers.wait_for(fail())
        return fibers.wait_for(answer())

    assert run(work) == 42


def test_others_run_while_one_waits() -> None:
    async def scenario() -> list[str]:
        pool, order = Fibers(), []
        gate = asyncio.Event()

        def waiting() -> None:
            order.append("waits")
            fibers.wait_for(gate.wait())
            order.append("goes on")

        def passing() -> None:
            order.append("passes")
            gate.set()

        await asyncio.gather(pool.run(waiting), pool.run(passing))
        return order

    assert asyncio.run(scenario()) == ["waits", "passes", "goes on"]


def test_each_sees_the_context_of_its_caller_and_keeps_it_while_it_waits() -> None:
    def work() -> tuple[str, str]:
        before = NAME.get()
        fibers.wait_for(asyncio.sleep(0))
        return before, NAME.get()

    async def call(pool: Fibers, name: str) -> tuple[str, str]:
        NAME.set(name)
        return await pool.run(work)

    async def scenario() -> list[tuple[str, str]]:
        pool = Fibers()
        return await asyncio.gather(*(call(pool, name) for name in ("ada", "bob", "eve")))

    assert asyncio.run(scenario()) == [("ada", "ada"), ("bob", "bob"), ("eve", "eve")]


def test_a_call_whose_caller_is_cancelled_is_broken_off_where_it_waits() -> None:
    seen: list[str] = []

    def work() -> None:
        try:
            fibers.wait_for(asyncio.sleep(3600))
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def scenario() -> int:
        pool = Fibers()
        task = asyncio.create_task(pool.run(work))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await pool.run(lambda: 42)  # The fiber is of use again.

    assert asyncio.run(scenario()) == 42
    assert seen == ["cancelled"]


def test_what_blocks_is_taken_apart_into_a_thread() -> None:
    assert run(lambda: fibers.apart(threading.get_ident)) != threading.get_ident()
    assert fibers.apart(threading.get_ident) == threading.get_ident()


def test_a_fiber_knows_itself() -> None:
    assert run(fibers.in_fiber)
    assert not fibers.in_fiber()


def test_an_application_may_be_served_from_several_threads_in_turn() -> None:
    pool, found = Fibers(), []
    for _ in range(2):
        thread = threading.Thread(target=lambda: found.append(asyncio.run(pool.run(threading.get_ident))))
        thread.start()
        thread.join()
    assert len(found) == 2


def test_a_fiber_keeps_nothing_of_the_call_it_has_made() -> None:
    class Request:
        def __call__(self) -> None:
            pass

    async def scenario() -> object:
        pool, request = Fibers(), Request()
        known = weakref.ref(request)
        await pool.run(request)
        del request
        gc.collect()
        return known()

    assert asyncio.run(scenario()) is None
