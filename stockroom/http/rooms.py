"""Rooms: how many requests are worked on at once, and in which order those that wait are let in."""

import asyncio
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass

from stockroom.contract.problems import Problem, unavailable

COMMON_ROOM = "handlers"
"""The room of handlers that have none of their own."""

_Waiter = asyncio.Future[None]
_Waiting = tuple[_Waiter, bool]
"""One who waits, and whether to read only."""


@dataclass(frozen=True)
class Size:
    """`places` requests are worked on at once, `share` of one caller at most; so many others wait, so many
    seconds at most. Those that write wait for each other's locks: some places are `kept` for reads.
    """

    places: int
    share: int
    kept: int = 0
    waiting: int = 1_000
    patience: float = 10.0


class Room:
    """Lets requests in. Callers that wait take turns, so that none waits for all that another has sent."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._free = size.places
        self._writing = 0
        self._busy: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[_Waiting]] = OrderedDict()
        self._waiting = 0

    async def enter(self, caller: str, *, reads: bool) -> None:
        """Take a place, which the caller is to `leave`. Raises Problem if none is free in time."""
        if self._may_enter(caller, reads=reads):
            self._enter(caller, reads=reads)
        else:
            await self._wait(caller, reads=reads)

    def leave(self, caller: str, *, reads: bool) -> None:
        self._free += 1
        self._writing -= not reads
        self._busy[caller] -= 1
        if not self._busy[caller]:
            del self._busy[caller]
        if self._queues:
            self._let_in()

    def _may_enter(self, caller: str, *, reads: bool) -> bool:
        size = self._size
        has_place = self._free > 0 and self._busy[caller] < size.share
        return has_place and (reads or self._writing < size.places - size.kept)

    def _enter(self, caller: str, *, reads: bool) -> None:
        self._free -= 1
        self._writing += not reads
        self._busy[caller] += 1

    async def _wait(self, caller: str, *, reads: bool) -> None:
        if self._waiting >= self._size.waiting:
            raise _full()
        loop = asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        self._queues.setdefault(caller, deque()).append((waiter, reads))
        self._waiting += 1
        deadline = loop.call_later(self._size.patience, _give_up, waiter)
        try:
            await waiter
        except BaseException:
            if waiter.cancelled() or waiter.exception():
                self._forget(caller, (waiter, reads))
            else:
                # Let in at the very moment of giving up.
                self.leave(caller, reads=reads)
            raise
        finally:
            deadline.cancel()
            self._waiting -= 1

    def _let_in(self) -> None:
        """Give free places to those who wait, one caller after the other."""
        for caller, queue in list(self._queues.items()):
            while queue and queue[0][0].done():
                # It has given up, and was not told yet.
                queue.popleft()
            if queue:
                waiter, reads = queue[0]
                if not self._may_enter(caller, reads=reads):
                    continue
                self._enter(caller, reads=reads)
                queue.popleft()
                waiter.set_result(None)
            self._queues.move_to_end(caller)
            self._drop_if_empty(caller)

    def _forget(self, caller: str, waiting: _Waiting) -> None:
        queue = self._queues.get(caller, deque())
        if waiting in queue:
            queue.remove(waiting)
            self._drop_if_empty(caller)

    def _drop_if_empty(self, caller: str) -> None:
        if not self._queues[caller]:
            del self._queues[caller]


def _give_up(waiter: _Waiter) -> None:
    if not waiter.done():
        waiter.set_exception(_full())


def _full() -> Problem:
    return unavailable("The service is busy. Try again in a moment.")
