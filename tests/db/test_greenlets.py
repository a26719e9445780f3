"""Greenlets: plain functions wait on the event loop, and others run meanwhile."""

import asyncio
import contextvars
import gc
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_

from stockroom.db.greenlets import Greenlets

NAME = contextvars.ContextVar("NAME", default="nobody")


def play(scenario: Callable[[Greenlets], Coroutine[Any, Any, Any]]) -> Any:
    async def played() -> Any:
        greenlets = Greenlets(AsyncSession())
        try:
            return await scenario(greenlets)
        finally:
            await greenlets.close()

    return asyncio.run(played())


@pytest.mark.parametrize(
    "error", [ValueError("no"), StopIteration(), SystemExit(3), asyncio.CancelledError()]
)
def test_what_is_raised_comes_back(error: BaseException) -> None:
    def fail() -> None:
        raise error

    async def scenario(greenlets: Greenlets) -> int:
        # StopIteration cannot leave a coroutine as it is.
        with pytest.raises((type(error), RuntimeError)):
            await greenlets.run(fail)
        return await greenlets.run(lambda: 42)  # The greenlet is of use again.

    assert play(scenario) == 42


def test_others_run_while_one_waits() -> None:
    async def scenario(greenlets: Greenlets) -> list[str]:
        order, gate = [], asyncio.Event()

        def waiting() -> None:
            order.append("waits")
            await_(gate.wait())
            order.append("goes on")

        def passing() -> None:
            order.append("passes")
            gate.set()

        await asyncio.gather(greenlets.run(waiting), greenlets.run(passing))
        return order

    assert play(scenario) == ["waits", "passes", "goes on"]


def test_each_sees_the_context_of_its_caller_and_keeps_it_while_it_waits() -> None:
    def work() -> tuple[str, str]:
        before = NAME.get()
        await_(asyncio.sleep(0))
        return before, NAME.get()

    async def scenario(greenlets: Greenlets) -> list[tuple[str, str]]:
        async def call(name: str) -> tuple[str, str]:
            NAME.set(name)
            return await greenlets.run(work)

        return [*await asyncio.gather(*map(call, ("ada", "bob"))), await call("eve")]

    assert play(scenario) == [("ada", "ada"), ("bob", "bob"), ("eve", "eve")]


def test_a_call_whose_caller_is_cancelled_is_broken_off_where_it_waits() -> None:
    seen: list[str] = []

    def work() -> None:
        try:
            await_(asyncio.sleep(3600))
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def scenario(greenlets: Greenlets) -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await greenlets.run(work)
        return await greenlets.run(deadline)

    def deadline() -> int:
        async def within() -> int:
            # What was broken off before is not taken for this one's end.
            async with asyncio.timeout(3600):
                await asyncio.sleep(0)
            return 42

        return await_(within())

    assert play(scenario) == 42
    assert seen == ["cancelled"]


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_caller_that_is_cancelled_too_late_breaks_off_nobody_else(cancelled_first: bool) -> None:
    async def scenario(greenlets: Greenlets) -> list[int]:
        gate = asyncio.Event()
        caller = asyncio.create_task(greenlets.run(lambda: await_(gate.wait())))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        # Both happen before either is told: the call ends by itself, and its caller is cancelled.
        if cancelled_first:
            caller.cancel()
            gate.set()
        else:
            gate.set()
            for _ in range(3):
                await asyncio.sleep(0)
                if greenlets.idle:
                    break
            caller.cancel()
        others = [asyncio.create_task(greenlets.run(slow)) for _ in range(2)]
        with pytest.raises(asyncio.CancelledError):
            await caller
        return [*await asyncio.gather(*others), await greenlets.run(slow)]

    def slow() -> int:
        for _ in range(5):
            await_(asyncio.sleep(0))
        return 42

    assert play(scenario) == [42, 42, 42]


def test_a_loop_ends_whatever_waits() -> None:
    seen: list[str] = []

    def work() -> None:
        try:
            await_(asyncio.sleep(3600))
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def played() -> None:
        greenlets = Greenlets(AsyncSession())
        await greenlets.run(lambda: None)
        waiting = [asyncio.create_task(greenlets.run(work)) for _ in range(50)]
        await asyncio.sleep(0.01)
        # Neither is awaited: the end of the loop cancels callers and greenlets alike.
        assert not any(task.done() for task in waiting)

    asyncio.run(asyncio.wait_for(played(), 20))
    assert seen == ["cancelled"] * 50


def test_a_greenlet_keeps_nothing_of_the_call_it_has_made() -> None:
    class Request:
        def __call__(self) -> None:
            pass

    async def scenario(greenlets: Greenlets) -> object:
        request = Request()
        known = weakref.ref(request)
        await greenlets.run(request)
        del request
        gc.collect()
        return known()

    assert play(scenario) is None
