"""Sweeps: the periodic duties of every worker."""

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from celery import bootsteps

from stockroom.db.database import Database
from stockroom.items import search
from stockroom.reservations import actions as reservations
from stockroom.summary import actions as summary
from stockroom.work import lease_queries

log = structlog.get_logger(__name__)

# Reservations closed in one transaction: few, so that the locks on their levels are short.
_BATCH = 20


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


def sweeping(duties: Sequence[tuple[float, Callable[[], None]]]) -> type[Any]:
    """Make the worker step that runs each of `duties` at the start, and again every so many seconds.

    It uses the worker's timer (Celery: Extensions and Bootsteps), which is a thread of its own on the
    filesystem broker. On other brokers it is part of the event loop: there a solo pool sweeps between tasks.
    """

    class Sweeping(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types.
        # The pool forks before the timer's thread starts, so that no process inherits a lock that the thread
        # holds.
        requires = ("celery.worker.components:Timer", "celery.worker.components:Pool")

        def start(self, worker: Any) -> None:
            self.entries = []
            for seconds, duty in duties:
                worker.timer.call_after(0, duty)
                self.entries.append(worker.timer.call_repeatedly(seconds, duty))

        def stop(self, worker: Any) -> None:
            for entry in self.entries:
                entry.cancel()

    return Sweeping
