"""The log of connections that the server refuses or ends by itself, where no request is logged."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Literal

import structlog

log = structlog.get_logger(__name__)

SILENCE = 10.0
"""Seconds between two lines of one reason. A client makes thousands of such connections a second."""

Reason = Literal[
    "malformed", "slow-reader", "too-many", "too-many-of-one-address", "too-slow", "unknown-method"
]


class Refusals:
    """Logs the first refusal of each reason, and how many were left out since with a later one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._silent_until: dict[Reason, float] = {}
        self._left_out: Counter[Reason] = Counter()

    def note(self, reason: Reason, client: str) -> None:
        """A connection of this address was refused."""
        now = self._clock()
        if now < self._silent_until.get(reason, now):
            self._left_out[reason] += 1
            return
        self._silent_until[reason] = now + SILENCE
        left_out = self._left_out.pop(reason, 0)
        log.warning("connection.refused", reason=reason, client=client, left_out=left_out)
