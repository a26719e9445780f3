"""Prometheus metrics of background activities. Where they are kept is settled when this is imported: see
`stockroom.process.metrics_server`.
"""

from prometheus_client import Counter, Gauge


class ActivityMetrics:
    """Counts how background activities fail (`stockroom.activities`), by their names."""

    def __init__(self) -> None:
        self._failures = Counter(
            "stockroom_activity_failures",
            "Steps of background activities that ended in an error; each is tried again.",
            ["activity"],
            registry=None,
        )
        # 1 is the one that is told: in a process that has just been forked a gauge begins with 0.
        self._failing = Gauge(
            "stockroom_activity_failing",
            "Whether the last step of a background activity ended in an error, in any process.",
            ["activity"],
            registry=None,
            multiprocess_mode="livemax",
        )
        self._standing: set[str] = set()

    def begun(self, activity: str) -> None:
        self._standing.add(activity)
        self._failures.labels(activity)
        self._failing.labels(activity).set(0)

    def failed(self, activity: str) -> None:
        self._failures.labels(activity).inc()
        # What ends before its process does would be failing for ever after.
        if activity in self._standing:
            self._failing.labels(activity).set(1)

    def recovered(self, activity: str) -> None:
        if activity in self._standing:
            self._failing.labels(activity).set(0)
