"""Greenlets that make one call after the other.

A new one for each call maps memory and unmaps it, which takes as long as a statement (docs/adr/0020).
"""

import asyncio
import contextvars
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.util import await_

T = TypeVar("T")

_Outcome = tuple[Any, BaseException | None]
_Job = tuple[Callable[[], object], asyncio.Future[_Outcome]]


class Greenlets:
    """Runs plain functions on one event loop; others run while they wait for what SQLAlchemy awaits."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._idle: list[_Greenlet] = []

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises. It sees the caller's context variables, and is cancelled with it."""
        greenlet = self._idle.pop() if self._idle else _Greenlet(self._session, self._idle)
        done: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        greenlet.begin(partial(contextvars.copy_context().run, call), done)
        try:
            result, error = await done
        except asyncio.CancelledError:
            greenlet.cancel(done)
            raise
        if error is not None:
            raise error
        return cast("T", result)

    @property
    def idle(self) -> int:
        """How many wait for a call."""
        return len(self._idle)

    async def close(self) -> None:
        """End those that wait for a call."""
        idle, self._idle[:] = list(self._idle), []
        for greenlet in idle:
            await greenlet.end()


class _Greenlet:
    """Makes one call after the other."""

    def __init__(self, session: AsyncSession, idle: "list[_Greenlet]") -> None:
        self._idle = idle
        # Not the result of the future, which SQLAlchemy keeps: it would keep a request alive.
        self._job: _Job | None = None
        # What the call under way answers to; it is cancelled if the caller is.
        self._done: asyncio.Future[_Outcome] | None = None
        self._is_cancelled = False
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(session.run_sync(self._work))

    def begin(self, call: Callable[[], object], done: asyncio.Future[_Outcome]) -> None:
        self._job = call, done
        self._done = done
        self._next.set_result(None)

    def cancel(self, done: asyncio.Future[_Outcome]) -> None:
        """Break off the call that answers to `done` where it waits; one that has ended is let be."""
        if self._done is done:
            self._is_cancelled = True
            self._task.cancel()

    async def end(self) -> None:
        self._next.set_result(None)
        await self._task

    def _work(self, session: object) -> None:
        await_(self._next)
        while self._job is not None:
            (call, done), self._job = self._job, None
            self._next = asyncio.get_running_loop().create_future()
            outcome = _outcome(call)
            self._done = None
            if self._is_cancelled:
                self._is_cancelled = False
                self._task.uncancel()
            if not done.cancelled():
                done.set_result(outcome)
            del call, done, outcome
            if self._task.cancelling():
                # Not by a caller: the loop is coming to its end.
                raise asyncio.CancelledError
            self._idle.append(self)
            await_(self._next)


def _outcome(call: Callable[[], object]) -> _Outcome:
    try:
        return call(), None
    except BaseException as error:  # noqa: BLE001 - it is raised where the call was made
        return None, error
