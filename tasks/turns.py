"""Turns: a process works on tasks of several owners at once, so that nobody waits for all that another has.

Which task comes next is read from the tasks themselves, whatever order messages come in.
"""

import threading
from collections.abc import Callable, Collection

import sqlalchemy as sa
import structlog

from stockroom.activities.activity import Activity, Pace
from stockroom.work.model import Lease

PLACES = 4
"""Owners whose tasks one process works on at the same time, one of each."""

LOOK_SECONDS = 1.0
"""While a process works, it looks this often whether the task of another owner waits."""

PACE = Pace(every=LOOK_SECONDS, longest=LOOK_SECONDS, expected=(sa.exc.SQLAlchemyError, OSError))

log = structlog.get_logger(__name__)

Take = Callable[[Collection[str]], Lease | None]
"""Claims the next task of an owner who is not one of these."""


class Turns:
    """The tasks that this process works on, each in a thread of its own."""

    def __init__(
        self, take: Take, carry_out: Callable[[Lease], None], stopping: Callable[[], bool], taking: Activity
    ) -> None:
        """`taking` is told how each look for a task ends."""
        self._take = take
        self._taking = taking
        self._carry_out = carry_out
        self._stopping = stopping
        self._owners: set[str] = set()
        self._changed = threading.Condition()

    def work_off(self) -> None:
        """Work until nothing is under way here and nothing waits. Several threads may call this."""
        with self._changed:
            while True:
                while self._begin_next():
                    pass
                if not self._owners:
                    return
                self._changed.wait(LOOK_SECONDS)

    def _begin_next(self) -> bool:
        """Begin with the next task, if one waits that this process has a place for."""
        if self._stopping() or len(self._owners) >= PLACES:
            return False
        try:
            lease = self._take(frozenset(self._owners))
        except (sa.exc.SQLAlchemyError, OSError) as error:
            # What is under way goes on, and the sweep sends another message.
            self._taking.failed(error)
            return False
        self._taking.succeeded()
        if lease is None:
            return False
        thread = threading.Thread(target=self._work_on, args=(lease,), name="task", daemon=True)
        self._owners.add(lease.owner)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as error:
            # No thread is to be had. The lease runs out, and whoever has room then takes the task.
            self._owners.discard(lease.owner)
            log.warning("task.not_begun", task=lease.task_id, reason=repr(error))
            return False
        return True

    def _work_on(self, lease: Lease) -> None:
        try:
            self._carry_out(lease)
        except Exception:
            # Whatever it is, nobody else would tell of it, and the sweep finds the task again.
            log.exception("task.interrupted", task=lease.task_id)
        finally:
            with self._changed:
                self._owners.discard(lease.owner)
                self._changed.notify_all()
