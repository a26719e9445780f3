"""Traces, as a collector gets them of a service that runs: requests, and the tasks that they announce."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import httpx
import pytest
import structlog
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from stockroom.process.telemetry import open_tracing
from tests.collecting import Collector, collector
from tests.processes import PATIENCE, ROOT, Service
from tests.scraping import until
from tests.service import KEY

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collector() as collected:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        # Milliseconds until what has ended is sent.
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield collected


def test_requests_and_the_tasks_they_announce_are_in_the_trace_of_the_client(
    collected: Collector, start_service: Callable[..., Service]
) -> None:
    service = start_service(worker=True, jwt_key=KEY)
    service.create_admin("ada", password := "nine tall ships sailed by")
    with httpx.Client(base_url=service.url, timeout=PATIENCE) as client:
        tokens = client.post("/login", json={"username": "ada", "password": password}).json()
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        csv = {"Content-Type": "text/csv"} | TRACEPARENT
        assert client.post("/imports?kind=items", content="sku,name\nA-1,Axe\n", headers=csv).is_success
        assert client.get("/items/NO-SUCH", headers=TRACEPARENT).status_code == 404
        assert client.get("/nothing?token=hush", headers={"traceparent": "00-no"}).status_code == 404
    (task,) = until(lambda: collected.named("task items-import"))
    (request,) = until(lambda: collected.named("handlers.imports.create"))
    assert (request.trace, request.parent, request.kind) == (TRACE, PARENT, Span.SPAN_KIND_SERVER)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/imports",
        "http.response.status_code": 202,
        "url.scheme": "http",
        "client.address": "127.0.0.1",
    }
    assert (task.trace, task.parent, task.kind) == (TRACE, request.id, Span.SPAN_KIND_CONSUMER)
    assert (request.service, task.service) == ("stockroom-api", "stockroom-worker")
    (missing,) = until(lambda: collected.named("handlers.items.read"))
    assert (missing.trace, missing.parent, missing.failed) == (TRACE, PARENT, False)
    # What is no traceparent begins a trace; what the contract does not have has no name.
    unknown = until(lambda: [span for span in collected.named("GET") if "http.route" not in span.attributes])[
        0
    ]
    assert (unknown.trace != TRACE, unknown.parent) == (True, "")
    (login,) = collected.named("handlers.auth.login")
    assert login.trace not in (TRACE, unknown.trace)


def test_a_request_that_the_client_does_not_sample_is_not_sent(
    collected: Collector, start_service: Callable[..., Service]
) -> None:
    service = start_service()
    for flags, path in (("00", "/problems"), ("01", "/")):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-{flags}"}
        assert httpx.get(f"{service.url}{path}", headers=headers, timeout=PATIENCE).is_success
    until(lambda: collected.named("handlers.service.welcome"))
    assert not collected.named("handlers.problems.list_problems")


def test_a_collector_that_is_away_holds_up_nobody(
    start_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    service = start_service()
    assert httpx.get(service.url, headers=TRACEPARENT, timeout=PATIENCE).is_success


def test_who_asks_for_no_traces_loads_nothing_of_them() -> None:
    code = """
import sys, app, tasks.celery
from stockroom.process.telemetry import open_tracing
assert open_tracing("stockroom") is None and tasks.celery._tracing() is None
sys.exit(any(name.partition(".")[0] == "opentelemetry" for name in sys.modules))
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=PATIENCE)


def test_without_the_extra_it_is_told_and_the_service_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.delitem(sys.modules, "stockroom.process.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    with structlog.testing.capture_logs() as logged:
        assert open_tracing("stockroom") is None
    assert [line["event"] for line in logged] == ["traces.off"]
