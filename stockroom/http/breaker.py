"""A circuit breaker: a service that does not answer costs one caller at a time, and no other."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from stockroom.activities.activity import Activity, Pace, Unobserved

PACE = Pace(longest=5.0, expected=(Exception,))
"""While the service does not answer, somebody finds that out anew this often."""

Answer = TypeVar("Answer")


class Away(Exception):
    """The service does not answer, or did not a moment ago."""


class Breaker:
    """Asks a service on the network, in threads: it may be slow or frozen, and the event loop must not be.

    After an error one caller at a time tries it again, later each time (`activity`); until one succeeds, all
    others go on without it at once. It is used on one event loop.
    """

    def __init__(self, activity: Activity | None = None) -> None:
        self._activity = activity or Activity("breaker", PACE, Unobserved)
        self._lock = threading.Lock()
        self._is_open = False
        self._is_tried = False
        self._retry_at = 0.0

    async def ask(self, call: Callable[[], Answer]) -> Answer:
        """What `call` returns. Raises Away, whatever `call` raises."""
        tries = self._is_open
        if tries and (self._is_tried or time.monotonic() < self._retry_at):
            raise Away
        self._is_tried = tries
        try:
            answer = await asyncio.to_thread(self._call, call, tries=tries)
        finally:
            if tries:
                self._is_tried = False
        if tries:
            self._is_open = False
            self._activity.succeeded()
        return answer

    def _call(self, call: Callable[[], Answer], *, tries: bool) -> Answer:
        # Another may have found out that nobody answers while this one waited for a thread.
        if self._is_open and not tries:
            raise Away
        try:
            return call()
        except Exception as error:
            self._open(error, tries=tries)
            raise Away from error

    def _open(self, error: Exception, *, tries: bool) -> None:
        with self._lock:
            if tries or not self._is_open:
                self._retry_at = time.monotonic() + self._activity.failed(error)
                self._is_open = True
