"""One background activity: whether it is well, and what is logged and counted of its errors."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from traceback import extract_tb
from typing import Literal, Protocol

import structlog

from stockroom.frozen import frozen

log = structlog.get_logger(__name__)

FIRST_WAIT = 0.5
"""Seconds until an activity is tried again after its first error; twice as long after each further one."""
FIRST_SILENCE, LONGEST_SILENCE = 60.0, 3600.0
"""Seconds between two lines about the same trouble: twice as long each time."""
SETTLED = 60.0
"""Seconds that an activity must have been well, for its next error to be a new trouble."""
KINDS = 20
"""Kinds of errors that are logged at once in one trouble, each with its first occurrence."""

State = Literal["ok", "failed"]


class Ended(Exception):
    """A step raises this when there is nothing more to do."""


class Observer(Protocol):
    """Who counts. Called from several threads."""

    def begun(self, activity: str) -> None:
        """There is an activity that lasts as long as the process."""

    def failed(self, activity: str) -> None:
        """A step ended in an error."""

    def recovered(self, activity: str) -> None:
        """A step went well after one that did not."""


class Unobserved:
    """Nobody counts."""

    def begun(self, activity: str) -> None: ...
    def failed(self, activity: str) -> None: ...
    def recovered(self, activity: str) -> None: ...


@frozen
class Pace:
    """How often a step is taken, in seconds: `every` so many, the first after `delay`; 0 is at once.

    After an error the wait grows up to `longest`. Without a success for `patience` an activity has failed;
    where that is None, its last step decides. Errors of the kinds `expected` are logged without a trace.
    """

    every: float = 0.0
    delay: float = 0.0
    longest: float = 30.0
    patience: float | None = None
    expected: tuple[type[BaseException], ...] = ()

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many errors in a row. Random, lest all processes come at once."""
        if not failures:
            return self.every
        grown = min(FIRST_WAIT * 2.0 ** min(failures - 1, 20), self.longest)
        return grown * random.uniform(0.5, 1)  # noqa: S311 - nobody gains by guessing it


class Activity:
    """Takes in how each step ends. Nothing here raises: an activity must not end for what is told of it."""

    def __init__(
        self,
        name: str,
        pace: Pace,
        observer: Callable[[], Observer],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.pace = pace
        self._observer = observer
        self._clock = clock
        self._in_a_row = 0
        self._well_since = -SETTLED
        self._succeeded_at = self._failing_since = clock()
        self._failures = 0
        self._told: set[tuple[object, ...]] = set()
        self._is_told = False
        self._silence = FIRST_SILENCE
        self._tell_at = 0.0

    @property
    def state(self) -> State:
        if self.pace.patience is None:
            return "failed" if self._in_a_row else "ok"
        return "failed" if self._clock() - self._succeeded_at > self.pace.patience else "ok"

    def succeeded(self) -> float:
        """A step went well. Returns the seconds until the next one."""
        self._succeeded_at = self._clock()
        if self._in_a_row:
            self._recover()
        return self.pace.wait(0)

    def failed(self, error: BaseException) -> float:
        """A step ended in an error. Returns the seconds until the next one."""
        now = self._clock()
        if not self._in_a_row and now - self._well_since >= SETTLED:
            self._begin_trouble(now)
        self._in_a_row += 1
        self._failures += 1
        with suppress(Exception):
            self._observer().failed(self.name)
        with suppress(Exception):
            self._tell(error, now)
        return self.pace.wait(self._in_a_row)

    def _begin_trouble(self, now: float) -> None:
        self._failing_since, self._failures = now, 0
        self._told.clear()
        self._silence = FIRST_SILENCE

    def _recover(self) -> None:
        self._in_a_row = 0
        self._well_since = self._succeeded_at
        with suppress(Exception):
            self._observer().recovered(self.name)
        # What fails and recovers again and again is told of as seldom as what only fails.
        if self._is_told:
            self._is_told = False
            with suppress(Exception):
                log.info("activity.recovered", **self._so_far(self._succeeded_at))

    def _tell(self, error: BaseException, now: float) -> None:
        kind = (type(error), *_place(error))
        if kind not in self._told and len(self._told) < KINDS:
            self._told.add(kind)
            event = "activity.failed"
        elif now >= self._tell_at:
            event = "activity.still_failing"
            self._silence = min(2 * self._silence, LONGEST_SILENCE)
        else:
            return
        self._is_told = True
        self._tell_at = now + self._silence
        # What libraries add to it, such as a statement, is in the trace, if there is one.
        reason = {"error": type(error).__name__, "reason": str(error).strip().partition("\n")[0]}
        if isinstance(error, self.pace.expected):
            log.warning(event, **self._so_far(now), **reason)
        else:
            trace = error if event == "activity.failed" else None
            log.error(event, **self._so_far(now), **reason, exc_info=trace)

    def _so_far(self, now: float) -> dict[str, object]:
        seconds = round(now - self._failing_since, 1)
        return {"activity": self.name, "failures": self._failures, "seconds": seconds}


def _place(error: BaseException) -> tuple[object, ...]:
    """Where it was raised."""
    frames = extract_tb(error.__traceback__, limit=-1)
    return (frames[0].filename, frames[0].lineno) if frames else ()
