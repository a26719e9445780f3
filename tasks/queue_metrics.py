"""Prometheus metrics of the queue of tasks. Where they are kept is settled when this is imported: see
`stockroom.process.metrics_server`.
"""

from collections.abc import Collection

from prometheus_client import Gauge

from stockroom.db.database import Database
from stockroom.work import leases
from stockroom.work.model import Backlog

_NOTHING = Backlog(waiting=0, at_work=0, since=None)


class QueueMetrics:
    """What there is to do, by kind of task. Each worker shows all of it, whoever does it."""

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = kinds
        self._tasks = Gauge(
            "stockroom_tasks",
            "Tasks that are waiting for a worker, or at_work.",
            ["kind", "state"],
            registry=None,
            multiprocess_mode="livemax",
        )
        self._age = Gauge(
            "stockroom_tasks_oldest_waiting_seconds",
            "How long the oldest task that waits has waited; 0 where none waits.",
            ["kind"],
            registry=None,
            multiprocess_mode="livemax",
        )

    def look(self, database: Database) -> None:
        """Ask the database, and show what it says."""
        now = database.clock()
        with database.connect() as reader:
            found = leases.backlog(reader, now)
        for kind in self._kinds:
            backlog = found.get(kind, _NOTHING)
            self._tasks.labels(kind, "waiting").set(backlog.waiting)
            self._tasks.labels(kind, "at_work").set(backlog.at_work)
            age = max((now - backlog.since).total_seconds(), 0) if backlog.since else 0
            self._age.labels(kind).set(age)
