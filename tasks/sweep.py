"""Sweeps: the periodic duties of every worker."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from celery import bootsteps

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Pace
from stockroom.db.database import OUTAGES, Database
from stockroom.frozen import frozen
from stockroom.items import search
from stockroom.reservations import actions as reservations
from stockroom.summary import actions as summary
from stockroom.work import lease_queries
from stockroom.work.renewals import Renewals

log = structlog.get_logger(__name__)

# Reservations closed in one transaction: few, so that the locks on their levels are short.
_BATCH = 20

STOP_SECONDS = 5.0
"""Seconds that duties have to come to an end when the worker stops."""


@frozen
class Duty:
    """A background activity of every worker, `every` so many seconds."""

    name: str
    every: float
    step: Callable[[], object]


def end_unrenewed(database: Database, renewals: Renewals, seconds: float) -> None:
    """End the leases that nobody has renewed for `seconds`, if the clock has not yet. Several workers may do
    this.
    """
    with database.connect() as reader:
        overdue = renewals.overdue(lease_queries.standing(reader, database.clock()), seconds)
    for lease in overdue:
        with database.work() as work:
            ended = lease_queries.expire(work.connection, lease, work.now)
        if ended:
            log.warning("task.lease_ended", task=lease.task_id, reason="the clock was set back, it seems")


def republish(database: Database, send: Callable[[str], object]) -> None:
    """Publish again every task that waits for a worker. Several workers may do this at the same time."""
    with database.connect() as reader:
        # Usually there is none, and this check takes no lock.
        if not lease_queries.any_unattended(reader, database.clock()):
            return
    with database.work() as work:
        unattended = lease_queries.take_unattended(work.connection, work.now)
    for task_id in unattended:
        send(task_id)
        log.info("task.republished", task=task_id)


def expire(database: Database, stopping: Callable[[], bool]) -> None:
    """Close the reservations that have expired, until none is left. Several workers may do this at once."""
    with database.connect() as reader:
        # Usually there is none, and this check takes no lock.
        if not reservations.any_due(reader, database.clock()):
            return
    while not stopping():
        with database.work() as work:
            closed = reservations.expire(work, _BATCH)
        if not closed:
            return
        log.info("reservations.expired", count=closed)


def update_totals(database: Database, stopping: Callable[[], bool]) -> None:
    """Add all changes to the summary's totals. One worker at a time does this."""
    with database.connect() as reader:
        if not summary.any_totals_due(reader):
            return
    while not stopping():
        with database.work() as work:
            if not summary.update_totals(work):
                return


def index(database: Database) -> None:
    """Merge newly written items into the search index. Several workers may do this."""
    with database.connect() as connection:
        search.merge_pending(connection)


def sweeping(activities: Activities, duties: Sequence[Duty]) -> type[Any]:
    """Make the worker step that keeps up each of `duties`, in a thread of its own, from start to stop."""

    class Sweeping(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types.
        # The pool forks before the threads start, so that no process inherits a lock that one of them holds.
        requires = ("celery.worker.components:Pool",)

        def start(self, worker: Any) -> None:
            self.threads = [activities.in_thread(duty.name, duty.step, _pace(duty)) for duty in duties]
            for thread in self.threads:
                thread.start()

        def stop(self, worker: Any) -> None:
            until = time.monotonic() + STOP_SECONDS
            for thread in self.threads:
                thread.stop(0)
            for thread in self.threads:
                thread.stop(max(0, until - time.monotonic()))

    return Sweeping


def _pace(duty: Duty) -> Pace:
    return Pace(every=duty.every, expected=(*OUTAGES, OSError))
