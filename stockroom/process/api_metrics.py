"""Prometheus metrics of a process of the API. Where they are kept is settled when this is imported: see
`stockroom.process.metrics_server`.
"""

import time
from typing import get_args

from prometheus_client import Counter, Gauge, Histogram

from stockroom.contract.conformance import Part
from stockroom.db.connections import Usage
from stockroom.http.context import RequestContext
from stockroom.http.observer import Lookup, Reason

NO_OPERATION = "none"
"""The operation of requests for what the contract does not have, whatever they asked for."""

# Seconds. Reads take about one thousandth; a caller waits for its turn up to ten.
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class ApiMetrics:
    """Counts what `stockroom.http` observes, by labels that are words of the contract or of ours."""

    def __init__(self) -> None:
        self._seconds = Histogram(
            "stockroom_request_duration_seconds",
            "How long requests took to be answered.",
            ["operation", "status"],
            buckets=BUCKETS,
            # In no registry: what several processes count is collected from their files.
            registry=None,
        )
        # Asking the library for the histogram of some labels takes longer than counting in it.
        self._answered: dict[tuple[str, int], Histogram] = {}
        self._under_way = 0
        self._shown_under_way = _gauge("stockroom_requests_under_way", "Requests that are under way.")
        self._limited = _counter(
            "stockroom_rate_limited", "Requests beyond a rate limit, refused or only reported.", "operation"
        )
        self._lookups = _counter(
            "stockroom_cache_lookups", "Looks into the cache, by what was found.", "operation", "outcome"
        )
        self._checked = _counter("stockroom_contract_checked", "Answers held against the contract.")
        self._drift = _counter(
            "stockroom_contract_drift",
            "Checked answers that are not as declared, by what of them is not.",
            *("operation", "status", "part"),
        )
        self._unchecked = _counter(
            "stockroom_contract_unchecked", "Answers that were to be checked and were not.", "reason"
        )
        self._connections = _gauge(
            "stockroom_database_connections", "Connections to PostgreSQL: in_use, or kept.", "state"
        )
        self._most = _gauge("stockroom_database_connections_most", "How many there may be in use.")
        self._waiting = _gauge("stockroom_database_connections_waiting", "Who waits for a connection.")
        for reason in get_args(Reason):
            # A counter that is there from the start shows its first step, too.
            self._unchecked.labels(reason)

    def begun(self, scope: object) -> None:
        self._under_way += 1

    def ended(self, context: RequestContext, status: int) -> None:
        self._under_way -= 1
        operation = context.operation
        key = (operation.id if operation else NO_OPERATION, status)
        answered = self._answered.get(key)
        if answered is None:
            answered = self._answered[key] = self._seconds.labels(*key)
        answered.observe(time.perf_counter() - context.started)

    def limited(self, operation: str) -> None:
        self._limited.labels(operation).inc()

    def looked_up(self, operation: str, lookup: Lookup) -> None:
        self._lookups.labels(operation, lookup).inc()

    def checked(self) -> None:
        self._checked.inc()

    def drifted(self, operation: str, status: int, part: Part) -> None:
        self._drift.labels(operation, str(status), part).inc()

    def unchecked(self, reason: Reason) -> None:
        self._unchecked.labels(reason).inc()

    def show(self, connections: Usage | None) -> None:
        """Show what is so now. To be called now and then, so that no request pays for it."""
        self._shown_under_way.set(self._under_way)
        if connections:
            self._connections.labels("in_use").set(connections.in_use)
            self._connections.labels("kept").set(connections.kept)
            self._most.set(connections.most)
            self._waiting.set(connections.waiting)


def _counter(name: str, told: str, *labels: str) -> Counter:
    return Counter(name, told, labels, registry=None)


def _gauge(name: str, told: str, *labels: str) -> Gauge:
    """Of all processes that live, added up."""
    return Gauge(name, told, labels, registry=None, multiprocess_mode="livesum")
