"""Fibers: plain functions that wait on the event loop, each on a stack of its own (a greenlet).

Who waits in a thread has Python's lock carried there and back, often from one core to another; a fiber is set
aside, and costs the same whatever the machine. What blocks in a fiber holds up the whole loop: `apart` takes
it into a thread.
"""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from greenlet import getcurrent, greenlet

T = TypeVar("T")
_Outcome = tuple[Any, BaseException | None]


class _Fiber(greenlet):
    """Runs one call after the other: to make a fiber takes longer than to switch to it and back."""

    call: Callable[[], Any] | None = None
    waits_for: Awaitable[Any] | None = None

    def run(self) -> None:
        while True:
            self.parent.switch(_outcome(self._taken()))

    def _taken(self) -> Callable[[], Any]:
        # Until the next one comes, it would keep a request alive.
        call, self.call = self.call, None
        return cast("Callable[[], Any]", call)


class Fibers:
    """Runs calls, each in a fiber."""

    def __init__(self) -> None:
        self._idle: list[_Fiber] = []

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises. It sees the context variables of the caller; if the caller is
        cancelled, so is what it waits for.
        """
        fiber = self._spare()
        result, error = await _drive(fiber, call)
        self._idle.append(fiber)
        if error is not None:
            raise error
        return cast("T", result)

    def _spare(self) -> _Fiber:
        # A fiber stays in the thread where it began. An application may be served by one after the other.
        while self._idle:
            fiber = self._idle.pop()
            if fiber.parent is getcurrent():
                return fiber
        return _Fiber()


async def _drive(fiber: _Fiber, call: Callable[[], object]) -> _Outcome:
    fiber.call, fiber.gr_context = call, contextvars.copy_context()
    outcome: _Outcome = fiber.switch()
    while fiber.waits_for is not None:
        # Here and not in the fiber: libuv keeps pointers into its stack, which is set aside for a fiber's.
        awaitable, fiber.waits_for = fiber.waits_for, None
        try:
            value = await awaitable
        except BaseException as error:  # noqa: BLE001 - it is raised where it was waited for
            outcome = fiber.throw(error)
        else:
            outcome = fiber.switch(value)
    return outcome


def _outcome(call: Callable[[], object]) -> _Outcome:
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
        return None, error


def in_fiber() -> bool:
    return isinstance(getcurrent(), _Fiber)


def wait_for(awaitable: Awaitable[T]) -> T:
    """Set the fiber that calls this aside until there is a result; return it, or raise."""
    fiber = cast("_Fiber", getcurrent())
    fiber.waits_for = awaitable
    return cast("T", fiber.parent.switch())


def apart(call: Callable[[], T]) -> T:
    """What `call` returns or raises, which may block: it is run in a thread if this is a fiber."""
    return wait_for(asyncio.to_thread(call)) if in_fiber() else call()


async def readable(fd: int) -> None:
    """Wait until a socket can be read from.

    The loop watches it anew each time: uvloop stops a watcher whose socket was reset, and says so once.
    """
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


async def writable(fd: int) -> None:
    """Wait until a socket can be written to."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(fd, _settle, ready)
    try:
        await ready
    finally:
        loop.remove_writer(fd)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
