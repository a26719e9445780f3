"""The spans of requests, by OpenTelemetry's semantic conventions, named by their operations."""

from collections.abc import Mapping
from contextvars import ContextVar, Token
from typing import Any

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer

from stockroom.http.context import RequestContext
from stockroom.http.routing import METHODS
from stockroom.process.tracing import PROPAGATOR

_PARENT = frozenset({b"traceparent", b"tracestate"})

_attached: ContextVar[Token[Context]] = ContextVar("attached")


class RequestSpans:
    """Begins and ends a span for each request, as a RequestObserver."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begun(self, scope: Mapping[str, Any]) -> None:
        """Begin a span; its parent is the client's, if that says so (W3C Trace Context)."""
        given = {
            name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _PARENT
        }
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        span = self._tracer.start_span(
            method,
            # Of nothing but what the client says: whatever goes on in this process is no parent.
            PROPAGATOR.extract(given, Context()),
            SpanKind.SERVER,
            {"http.request.method": method, "url.scheme": scope.get("scheme", "http")},
        )
        _attached.set(contexts.attach(trace.set_span_in_context(span)))

    def ended(self, context: RequestContext, status: int) -> None:
        span, operation = trace.get_current_span(), context.operation
        if operation:
            span.update_name(operation.id)
            span.set_attribute("http.route", operation.path)
        span.set_attribute("http.response.status_code", status)
        span.set_attribute("client.address", context.client)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
            span.set_attribute("error.type", str(status))
        span.end()
        contexts.detach(_attached.get())
