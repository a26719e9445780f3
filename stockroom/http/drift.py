"""Drift: a sampled fraction of answers is held against the contract, in a thread, after they were sent.

Nothing here changes, delays or fails an answer.
"""

import random
import threading
from contextlib import suppress
from queue import SimpleQueue
from traceback import extract_tb

import structlog
from starlette.types import Message, Scope, Send

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Ended, Pace
from stockroom.contract.conformance import Conformance
from stockroom.http.captured_response import CapturedResponse
from stockroom.http.observer import Observer

log = structlog.get_logger(__name__)

WAITING = 16
"""Answers that are kept at most until they are checked, at 1 MiB each."""
KINDS = 1000
"""Kinds of lines that are logged at most; a contract has room for fewer."""

PACE = Pace(longest=1.0)


class UncheckedAnswer(Exception):
    """A check ended in an error; this names it without its message, which may repeat the answer."""


class Drift:
    """Has `observer` count, and logs each kind of drift once, with the first request that met it."""

    def __init__(
        self, conformance: Conformance, fraction: float, observer: Observer, activities: Activities
    ) -> None:
        self._conformance = conformance
        self._fraction = fraction
        self._observer = observer
        self._room = threading.Semaphore(WAITING)
        self._waiting: SimpleQueue[CapturedResponse | None] = SimpleQueue()
        # One thread, so that checks take no more than their share. It starts with the first of them.
        self._thread = activities.in_thread("drift", self._check_next, PACE)
        self._told: set[tuple[object, ...]] = set()

    def watch(self, scope: Scope, request_id: str, send: Send) -> Send:
        """`send` itself, or, by chance, one that keeps the answer as well and has it checked in the end."""
        if random.random() >= self._fraction:  # noqa: S311 - nobody gains by guessing it
            return send
        return self._keeping(CapturedResponse(scope["method"], scope["path"], request_id), send)

    def close(self) -> None:
        """Check the few answers that wait, and end the thread."""
        self._waiting.put(None)
        self._thread.stop()

    def _keeping(self, answer: CapturedResponse, send: Send) -> Send:
        async def send_and_keep(message: Message) -> None:
            await send(message)
            try:
                if answer.keep(message):
                    self._take(answer)
            except Exception as error:  # noqa: BLE001 -- whatever it is, the answer is none the worse for it
                self._note(error, answer.request_id)

        return send_and_keep

    def _take(self, answer: CapturedResponse) -> None:
        if answer.too_long:
            self._observer.unchecked("too-long")
        elif self._room.acquire(blocking=False):
            self._hand_over(answer)
        else:
            self._observer.unchecked("busy")

    def _hand_over(self, answer: CapturedResponse) -> None:
        try:
            self._thread.start()
        except BaseException:
            self._room.release()
            raise
        self._waiting.put(answer)

    def _check_next(self) -> None:
        answer = self._waiting.get()
        if answer is None:
            raise Ended
        try:
            self._hold(answer)
        except Exception as error:  # noqa: BLE001 -- whatever it is, it may hold what was answered
            raise UncheckedAnswer(self._note(error, answer.request_id)) from None
        finally:
            self._room.release()

    def _hold(self, answer: CapturedResponse) -> None:
        method, status = answer.method, answer.status
        operation = self._conformance.operation(method, answer.path)
        name = operation.id if operation else ""
        faults = [*self._conformance.examine(operation, method, status, answer.headers(), answer.body())]
        for fault in faults:
            # Without its message, which may repeat the answer.
            kind = {"operation": name, "status": status, "part": fault.part}
            self._tell("contract.drift", answer.request_id, **kind, place=fault.place, rule=fault.rule)
        self._observer.checked()
        for part in {fault.part for fault in faults}:
            self._observer.drifted(name, status, part)

    def _note(self, error: Exception, request_id: str) -> str:
        """Log and count what went wrong here. Returns its kind and its place, without its message."""
        frame = extract_tb(error.__traceback__)[-1]
        kind = {"error": type(error).__name__, "where": f"{frame.filename}:{frame.lineno}"}
        with suppress(Exception):
            self._tell("contract.unchecked", request_id, **kind)
            self._observer.unchecked("failed")
        return f"{kind['error']} at {kind['where']}"

    def _tell(self, event: str, request_id: str, **kind: object) -> None:
        key = (event, *kind.values())
        if key not in self._told and len(self._told) < KINDS:
            self._told.add(key)
            log.error(event, **kind, request_id=request_id)
