"""Traces by OpenTelemetry's API and SDK, sent by OTLP: who makes spans in a process, and those of tasks.

Attributes are those of OpenTelemetry's semantic conventions. None holds a query, a header or a body.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TIMEOUT = 2.0
"""Seconds that a collector has to take what is sent: less than a process has to end."""
TIMEOUTS = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")

_ANNOUNCED = 1000
"""Tasks whose traces are remembered until this process begins with them; other processes may."""

PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """The spans of one process."""

    def __init__(self, service: str) -> None:
        resource = Resource.create({} if _is_named() else {"service.name": service})
        # Whoever made it closes it.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(timeout=None if any(map(os.environ.get, TIMEOUTS)) else TIMEOUT)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("stockroom")
        self._announced: OrderedDict[str, Context] = OrderedDict()

    def headers(self) -> dict[str, str]:
        """What names the present span to whoever goes on with it."""
        carrier: dict[str, str] = {}
        PROPAGATOR.inject(carrier)
        return carrier

    def announce(self, task_id: str, headers: Mapping[str, str]) -> None:
        """Remember which trace a task belongs to, until it is begun here."""
        self._announced[task_id] = PROPAGATOR.extract(headers, Context())
        while len(self._announced) > _ANNOUNCED:
            self._announced.popitem(last=False)

    @contextmanager
    def task(self, task_id: str, kind: str) -> Iterator[None]:
        """The span of a task that is at work: in the trace that announced it here, or in one of its own."""
        about = {"stockroom.task.id": task_id, "stockroom.task.kind": kind}
        parent = self._announced.pop(task_id, Context())
        with self.tracer.start_as_current_span(f"task {kind}", parent, SpanKind.CONSUMER, about):
            yield

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _is_named() -> bool:
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return "OTEL_SERVICE_NAME" in os.environ or "service.name=" in attributes
