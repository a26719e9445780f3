"""Who watches the service: metrics and traces, where they are asked for."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Pace
from stockroom.db.database import Database
from stockroom.http.observer import RequestObserver
from stockroom.process.telemetry import open_tracing
from stockroom.settings import Settings

if TYPE_CHECKING:
    from stockroom.process.api_metrics import ApiMetrics
    from stockroom.process.tracing import Tracing

SHOWN = Pace(every=1)
"""Metrics of the moment are about as old as this; Prometheus looks at them every 15 seconds or so."""


@dataclass(frozen=True)
class Observation:
    """What of it is asked for; and the background activities, which are counted too."""

    activities: Activities
    metrics: "ApiMetrics | None"
    tracing: "Tracing | None"

    def request_spans(self) -> RequestObserver | None:
        if self.tracing is None:
            return None
        from stockroom.process.request_spans import RequestSpans  # noqa: PLC0415 - as with metrics

        return RequestSpans(self.tracing.tracer)

    def showing(self, database: Database) -> AbstractAsyncContextManager[None]:
        """Show in metrics, where there are any, what is so at the moment."""
        metrics = self.metrics
        if metrics is None:
            return nullcontext()

        async def show() -> None:
            metrics.show(database.usage())

        return self.activities.on_loop("gauges", show, SHOWN)


def observe(settings: Settings) -> Observation:
    """Open what the settings, and those of OpenTelemetry, ask for."""
    tracing = open_tracing("stockroom-api")
    if not settings.metrics_port:
        return Observation(Activities(), None, tracing)
    # Here, so that those who ask for no metrics pay nothing: it takes 2 MB, and 50 ms of the start.
    from stockroom.process.activity_metrics import ActivityMetrics  # noqa: PLC0415 - see above
    from stockroom.process.api_metrics import ApiMetrics  # noqa: PLC0415 - see above

    return Observation(Activities(ActivityMetrics()), ApiMetrics(), tracing)
