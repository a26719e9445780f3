"""Metrics of a service that runs: by operation, over all its processes, as Prometheus scrapes them."""

import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from app import create_app
from stockroom.contract.contract import Contract
from stockroom.http.guard import Guard
from stockroom.process.api_metrics import BUCKETS
from stockroom.settings import Settings
from tests.processes import PATIENCE, Service, _free_port
from tests.scraping import scrape, until, value
from tests.service import KEY

SECONDS = "stockroom_request_duration_seconds"
NOBODY = "redis://127.0.0.1:1"

SignIn = Callable[..., dict[str, str]]
Start = Callable[..., Service]


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    """Only there connections are limited."""
    return _postgresql_url


def requests(port: int) -> Counter[tuple[str, str]]:
    """How many requests there were, by operation and status."""
    return Counter(
        {
            (sample.labels["operation"], sample.labels["status"]): round(sample.value)
            for sample in scrape(port)
            if sample.name == f"{SECONDS}_count" and sample.labels["operation"] != "handlers.health.live"
        }
    )


def test_requests_of_all_processes_are_counted_by_operation_and_status(
    start_service: Start, database_url: str
) -> None:
    port = _free_port()
    service = start_service(web_workers=2, metrics_port=port, database_url=database_url)
    for path in ("/", "/", "/items", "/nothing/here", "/nor/here", "/items?colour=red"):
        # Each on a connection of its own, so that several processes answer.
        httpx.get(service.url + path, timeout=PATIENCE)
    httpx.delete(service.url, timeout=PATIENCE)
    until(lambda: requests(port).total() == 7)
    assert requests(port) == {
        ("handlers.service.welcome", "200"): 2,
        ("handlers.items.list_items", "401"): 2,
        # Whatever was asked for, these are of one operation: a label for each would have no end.
        ("none", "404"): 2,
        ("none", "405"): 1,
    }
    within = [sample.labels["le"] for sample in scrape(port) if sample.name == f"{SECONDS}_bucket"]
    assert {float(le) for le in within} == {*BUCKETS, float("inf")}


def test_what_is_so_at_the_moment_is_told_of_all_processes_that_live(
    start_service: Start, database_url: str, sign_in: SignIn
) -> None:
    port = _free_port()
    settings = {"jwt_key": KEY, "web_workers": 2, "database_connections": 9}
    service = start_service(metrics_port=port, database_url=database_url, **settings)
    until(lambda: value(port, "stockroom_database_connections_most") == 18)
    assert value(port, "stockroom_database_connections", state="kept") is not None
    assert value(port, "stockroom_database_connections", state="in_use") is not None
    assert value(port, "stockroom_database_connections_waiting") == 0
    assert value(port, "stockroom_requests_under_way") == 0
    with upload_under_way(service, sign_in()["Authorization"]):
        until(lambda: value(port, "stockroom_requests_under_way") == 1)
    until(lambda: value(port, "stockroom_requests_under_way") == 0)


@contextmanager
def upload_under_way(service: Service, authorization: str) -> Iterator[None]:
    """A request whose body is on its way."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), PATIENCE) as connection:
        connection.sendall(
            b"POST /imports?kind=items HTTP/1.1\r\nHost: stockroom\r\nContent-Type: text/csv\r\n"
            b"Authorization: %b\r\nContent-Length: 1000\r\n\r\nsku,name\r\n" % authorization.encode()
        )
        yield


def test_limits_and_cache_are_counted_by_operation(
    start_service: Start, database_url: str, sign_in: SignIn
) -> None:
    port = _free_port()
    service = start_service(metrics_port=port, database_url=database_url, jwt_key=KEY)
    headers = sign_in()
    with httpx.Client(base_url=service.url, headers=headers, timeout=PATIENCE) as client:
        statuses = [client.get("/summary").status_code for _ in range(3)]
        refused = [client.post("/login", json={}).status_code for _ in range(7)]
    assert (statuses, refused) == ([200] * 3, [400] * 5 + [429] * 2)
    summary, login = "handlers.summary.read", "handlers.auth.login"
    lookups = "stockroom_cache_lookups_total"
    assert value(port, lookups, operation=summary, outcome="miss") == 1
    assert value(port, lookups, operation=summary, outcome="hit") == 2
    assert value(port, "stockroom_rate_limited_total", operation=login) == 2


def test_it_is_told_when_redis_is_away(start_service: Start, database_url: str, sign_in: SignIn) -> None:
    port = _free_port()
    service = start_service(metrics_port=port, database_url=database_url, jwt_key=KEY, redis_url=NOBODY)
    assert httpx.get(f"{service.url}/summary", headers=sign_in(), timeout=PATIENCE).is_success
    lookups = "stockroom_cache_lookups_total"
    assert value(port, lookups, operation="handlers.summary.read", outcome="away") == 1
    assert value(port, "stockroom_activity_failing", activity="redis") == 1


def test_where_there_are_no_metrics_no_request_pays_for_them(
    configure: Callable[..., Settings], contract: Contract
) -> None:
    service = create_app(configure(drift_sample=0), contract=contract)
    # Where there are some, it is of a class that overrides what requests go through.
    assert type(service) is Guard
