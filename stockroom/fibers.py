"""Fibers: plain functions that wait on the event loop, each on a stack of its own (a greenlet).

Who waits in a thread has Python's lock carried there and back, often from one core to another; a fiber is set
aside, and costs the same whatever the machine. What blocks in a fiber holds up the whole loop: `apart` takes
it into a thread.
"""

import asyncio
import contextvars
import os
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


class Readable:
    """Tells when a socket can be read from: the loop watches it once and for all, not anew each time.

    It watches a duplicate. The socket's owner may close it at any time, and libuv must not be left with a
    descriptor that is another's by then.
    """

    def __init__(self) -> None:
        self._watched: tuple[asyncio.AbstractEventLoop, int] | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def wait(self, fd: int) -> None:
        """Wait until the socket, the same one each time, can be read from; now and then it cannot yet."""
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        if self._watched is None or self._watched[0] is not loop:
            self._stop()
            self._watched = loop, os.dup(fd)
            loop.add_reader(self._watched[1], self._ready)
        await self._waiter

    def close(self) -> None:
        """Watch no longer. May be called from anywhere."""
        if self._watched is not None:
            loop, _ = self._watched
            if loop.is_closed():
                self._stop()
            else:
                loop.call_soon_threadsafe(self._stop)

    def _ready(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None:
            # Nobody has asked anything: the other side has closed.
            self._stop()
        else:
            _settle(waiter)

    def _stop(self) -> None:
        if self._watched is not None:
            loop, fd = self._watched
            self._watched = None
            if not loop.is_closed():
                loop.remove_reader(fd)
            os.close(fd)


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
