"""Threads for an event loop: handlers may wait there, for the database most of all."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
_Call = Callable[[], None]


class Threads:
    """Runs calls in at most so many threads.

    An executor of the standard library makes a future with a lock of its own for each call, and chains it to
    one of the loop's: with many calls under way that takes four times as long.
    """

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns or raises. It sees the context variables of the caller, and goes on if the
        caller is cancelled.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[T | None, BaseException | None]] = loop.create_future()
        context = contextvars.copy_context()

        def work() -> None:
            outcome = _outcome(context, call)
            loop.call_soon_threadsafe(_settle, future, outcome)

        self._calls.put(work)
        if len(self._threads) < self._most:
            self._start()
        result, error = await future
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # there is one or the other

    def close(self) -> None:
        """Wait for the calls that are under way, and end all threads."""
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads:
            thread.join()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # Until the next one comes, it would keep a request alive.


def _outcome(context: contextvars.Context, call: Callable[[], T]) -> tuple[T | None, BaseException | None]:
    try:
        return context.run(call), None
    except BaseException as error:  # noqa: BLE001 -- it is raised where the call was made
        return None, error


def _settle(future: asyncio.Future[T], outcome: T) -> None:
    if not future.cancelled():
        future.set_result(outcome)
