"""Behind nginx as `deploy/nginx.conf` has it: what the contract says holds, and slow clients end.

The tour of the README goes through it, too: `tests/test_docs.py`.
"""

import asyncio
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import httpx
import pytest

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract, load_contract
from stockroom.db.database import open_database
from stockroom.process.patience import Bounds, Watch
from stockroom.settings import Settings
from tests.contract.gates.home import Home
from tests.contract.gates.world import World
from tests.listening import received, serving, statuses
from tests.processes import _free_port
from tests.proxying import Proxy, StartProxy
from tests.service import KEY

Start = Callable[..., Any]

OPERATIONS = load_contract(uploads=Path(os.devnull)).operations.values()
CHANGES = [operation.id for operation in OPERATIONS if operation.takes("if_match")]
# Small things are compressed too, as large ones are.
COMPRESSING = {"gzip_min_length 1024;": "gzip_min_length 1;"}
# What the proxy adds to the headers of each answer.
ITS_OWN = {"server", "strict-transport-security"}


@pytest.fixture
def database_url(_sqlite_url: str) -> str:
    return _sqlite_url


@pytest.fixture
def client() -> Iterator[Callable[..., httpx.Client]]:
    """Make a client of a proxy, from an address of this machine."""
    with ExitStack() as stack:

        def client(proxy: Proxy, address: str = "127.0.0.1", **options: Any) -> httpx.Client:
            transport = httpx.HTTPTransport(verify=proxy.tls, local_address=address)
            return stack.enter_context(
                httpx.Client(base_url=proxy.url, transport=transport, timeout=60, **options)
            )

        yield client


# The service behind it


@pytest.fixture
def world(
    start_service: Start, start_proxy: StartProxy, client: Start, contract: Contract, database_url: str
) -> Iterator[World]:
    """A world whose service is asked by way of the proxy."""
    service = start_service(database_url=database_url, jwt_key=KEY, rate_limits="report", trusted_proxies=1)
    proxy = start_proxy(service.url, changes=COMPRESSING)
    database = open_database(database_url, connections=4)
    settings = Settings(_env_file=None, database_url=database_url, jwt_key=KEY)
    yield World(contract, Home(client(proxy), database, settings))
    database.dispose()


@pytest.mark.parametrize("operation", CHANGES)
def test_what_was_read_can_be_changed(operation: str, world: World) -> None:
    change = world.prepare(world.first(operation))
    read = world.ask({"method": "GET", "url": change.request()["url"]})
    changed = {**change.parameters, "If-Match": read.headers["ETag"]}
    world.succeed(replace(change, parameters=changed))


def test_single_things_keep_their_etag_and_lists_are_compressed(world: World) -> None:
    world.succeed(world.named("handlers.items.create"))
    item, items = (world.ask({"method": "GET", "url": url}) for url in ("/items/22411", "/items"))
    assert (item.headers["ETag"], item.headers.get("Content-Encoding")) == ('"v1"', None)
    assert items.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in items.headers["Vary"]
    # It is weak now, which is enough to ask whether something has changed.
    assert items.headers["ETag"].startswith("W/")
    again = world.ask({"method": "GET", "url": "/items"}, **{"If-None-Match": items.headers["ETag"]})
    assert again.status_code == 304


def test_limits_are_of_the_address_that_the_proxy_sees(
    start_service: Start, start_proxy: StartProxy, client: Start
) -> None:
    proxy = start_proxy(start_service(trusted_proxies=1).url)

    def log_in(address: str) -> list[int]:
        forged = (
            {"X-Forwarded-For": f"198.51.100.{n}", "Forwarded": f"for=198.51.100.{n}"} for n in range(6)
        )
        asked = client(proxy, address)
        return [asked.post("/login", json={}, headers=headers).status_code for headers in forged]

    assert log_in("127.0.0.1") == [400] * 5 + [429]
    assert log_in("127.0.0.2") == [400] * 5 + [429]


# What stands in its configuration


@pytest.fixture
def behind(start_proxy: StartProxy) -> Iterator[Callable[..., Proxy]]:
    """Start the proxy before an ASGI application alone; `changes` are texts of its configuration."""
    with ExitStack() as stack:

        def behind(app: Any, changes: Any = None) -> Proxy:
            return start_proxy(stack.enter_context(serving(app, "uvloop", Watch(Bounds()))), changes=changes)

        yield behind


def app_of(answer: Callable[..., Any]) -> Any:
    """An application that answers so, and takes part in the lifespan."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await answer(scope, receive, send)
            return
        for event in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{event}.complete"})

    return app


async def headers_back(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the headers of the request."""
    body = b"\n".join(b"%b: %b" % header for header in scope["headers"])
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


async def at_once(scope: Any, receive: Any, send: Any) -> None:
    """Answer without a look at the body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


def test_what_clients_say_of_their_way_is_not_passed_on(behind: Start, client: Start) -> None:
    forged = dict.fromkeys(("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"), "192.0.2.1")
    told = (
        client(behind(app_of(headers_back))).get("/", headers={**forged, "Forwarded": "for=192.0.2.1"}).text
    )
    assert "x-forwarded-for: 127.0.0.1" in told
    assert "192.0.2.1" not in told


def test_an_upload_is_sent_on_as_it_arrives(behind: Start) -> None:
    arrived = threading.Event()

    async def upload(scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            more = (await receive())["more_body"]
            arrived.set()
        await at_once(scope, receive, send)

    with behind(app_of(upload)).connect() as connection:
        connection.sendall(b"POST /imports?kind=items HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        connection.sendall(b"Content-Type: text/csv\r\nContent-Length: 200000\r\n\r\n" + bytes(100_000))
        assert arrived.wait(20)
        connection.sendall(bytes(100_000))
        assert statuses(received(connection)) == [200]


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_download_is_sent_as_it_is_read(coding: str, behind: Start, client: Start) -> None:
    go_on = threading.Event()

    async def download(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/csv"), (b"content-length", b"200000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": 50_000 * b"a", "more_body": True})
        if await asyncio.to_thread(go_on.wait, 20):
            await send({"type": "http.response.body", "body": 150_000 * b"b"})

    proxy = behind(app_of(download))
    with client(proxy).stream("GET", "/tasks/1/result", headers={"Accept-Encoding": coding}) as answer:
        assert answer.headers.get("Content-Encoding", "identity") == coding
        pieces = answer.iter_bytes()
        first = b""
        while len(first) < 50_000:
            first += next(pieces)
        assert not go_on.is_set()
        go_on.set()
        assert first + b"".join(pieces) == 50_000 * b"a" + 150_000 * b"b"


def ended(connection: Any) -> bytes:
    """What comes until the connection ends, in order or by a reset."""
    answer = b""
    with suppress(ConnectionError, ssl.SSLError):
        while piece := connection.recv(65_536):
            answer += piece
    return answer


def test_half_heads_are_ended_and_others_are_served_meanwhile(behind: Start, client: Start) -> None:
    proxy = behind(app_of(at_once), {"client_header_timeout 10s;": "client_header_timeout 2s;"})
    with ExitStack() as stack:
        connections = [stack.enter_context(proxy.connect()) for _ in range(100)]
        for connection in connections:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert client(proxy).get("/").status_code == 200
        assert {status for connection in connections for status in statuses(ended(connection))} <= {408}


@pytest.mark.parametrize("path", [b"/items", b"/imports"])
def test_a_body_that_stands_still_is_ended(path: bytes, behind: Start) -> None:
    async def patient(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass

    proxy = behind(app_of(patient), {"client_body_timeout 10s;": "client_body_timeout 1s;"})
    with proxy.connect() as connection:
        connection.sendall(b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{" % path)
        assert statuses(ended(connection)) in ([], [408])


def test_an_upload_that_trickles_is_ended_by_the_service(start_proxy: StartProxy) -> None:
    async def patient(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass

    stop = threading.Event()

    def trickle() -> None:
        with suppress(OSError):
            while not stop.wait(0.05):
                connection.sendall(b"x")

    with ExitStack() as stack:
        bounds = Bounds(seconds=1, bytes_per_second=1_000)
        address = stack.enter_context(serving(app_of(patient), "uvloop", Watch(bounds)))
        connection = stack.enter_context(start_proxy(address).connect())
        connection.sendall(b"POST /imports HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n")
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            assert statuses(connection.recv(65_536)) == [408]
        finally:
            stop.set()
            thread.join()


def test_an_answer_that_nobody_takes_is_ended(behind: Start) -> None:
    left = threading.Event()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        leaving = asyncio.ensure_future(_disconnected(receive))
        while not leaving.done():
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
            await asyncio.sleep(0)
        left.set()

    proxy = behind(app_of(endless), {"send_timeout 20s;": "send_timeout 1s;"})
    with proxy.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert left.wait(20)


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def largest_bodies() -> dict[str, int]:
    """The bytes that a body may have at each path."""
    return {
        operation.path: max(reader.limit for reader in operation.bodies.values())
        for operation in OPERATIONS
        if operation.bodies
    }


def test_bodies_may_be_as_large_as_the_contract_has_them(
    behind: Start, client: Start, contract: Contract, conformance: Conformance
) -> None:
    proxy = behind(app_of(at_once))
    asked = client(proxy)
    for template, limit in largest_bodies().items():
        path = re.sub("[{}]", "", template)
        assert asked.post(path, content=bytes(limit)).status_code == 200, path
        [method] = {o.method for o in OPERATIONS if o.path == template and o.bodies}
        with proxy.connect() as connection:
            head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {limit + 1}\r\n\r\n"
            connection.sendall(head.encode())
            declared_headers(conformance, method, path, 413, connection)


def declared_headers(
    conformance: Conformance, method: str, path: str, status: int, connection: ssl.SSLSocket
) -> httpx.Headers:
    """Hold what the proxy answers by itself against the contract; the headers."""
    answer = HTTPResponse(connection)
    answer.begin()
    headers, body = httpx.Headers(answer.getheaders()), answer.read()
    assert answer.status == status
    assert headers.keys() >= ITS_OWN | {"x-request-id"}
    told = {name: value for name, value in headers.items() if name not in ITS_OWN}
    assert conformance.faults(method, path, status, told, body) == []
    return headers


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"no request\r\n\r\n", id="line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", id="host"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET /%b HTTP/1.1\r\n" % (20_000 * b"a"), id="target"),
        pytest.param(b"GET / HTTP/1.1\r\nX-A: %b\r\n" % (20_000 * b"a"), id="header"),
    ],
)
def test_what_is_no_request_is_told_so_in_plain_text(request_: bytes, start_proxy: StartProxy) -> None:
    with start_proxy(("127.0.0.1", _free_port())).connect() as connection:
        connection.sendall(request_)
        answer = HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.read()) == (400, b"This is no HTTP/1.1 request.")
        assert answer.headers["Content-Type"] == "text/plain"


def test_a_service_that_is_not_there_is_told_of_as_the_contract_says(
    start_proxy: StartProxy, conformance: Conformance
) -> None:
    proxy = start_proxy(("127.0.0.1", _free_port()))
    for path in ("/items", "/items/A1", "/tasks/1/result", "/health/ready"):
        with proxy.connect() as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert declared_headers(conformance, "GET", path, 503, connection)["Retry-After"] == "1"


def test_a_process_that_is_away_costs_no_request(start_proxy: StartProxy, client: Start) -> None:
    away = ("127.0.0.1", _free_port())
    with serving(app_of(at_once), "uvloop", Watch(Bounds())) as address:
        asked = client(start_proxy(away, address, away))
        answers = [
            asked.request(method, "/items", content=b"{}") for method in ("POST", "GET") for _ in range(30)
        ]
    assert {answer.status_code for answer in answers} == {200}


def test_a_process_that_comes_back_is_asked_at_once(start_proxy: StartProxy, client: Start) -> None:
    away = ("127.0.0.1", _free_port())
    with serving(app_of(at_once), "uvloop", Watch(Bounds())) as address:
        asked = client(start_proxy(address, away))
    assert asked.get("/items").status_code == 503
    with serving(app_of(at_once), "uvloop", Watch(Bounds()), port=address[1]):
        assert asked.get("/items").status_code == 200


def test_plain_http_is_led_to_tls(start_proxy: StartProxy) -> None:
    proxy = start_proxy(("127.0.0.1", _free_port()))
    answer = httpx.get(f"{proxy.plain_url}/items?q=a", headers={"Host": "evil.example"})
    assert answer.status_code == 308
    assert answer.headers["Location"] == "https://stockroom.example.com/items?q=a"


def test_http_2_is_spoken(start_proxy: StartProxy) -> None:
    proxy = start_proxy(("127.0.0.1", _free_port()))
    context = proxy.tls
    context.set_alpn_protocols(["h2", "http/1.1"])
    address = httpx.URL(proxy.url)
    with (
        socket.create_connection((address.host, address.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=address.host) as connection,
    ):
        assert (connection.selected_alpn_protocol(), connection.version()) == ("h2", "TLSv1.3")


def test_health_is_asked_of_the_service_and_not_logged(behind: Start, client: Start) -> None:
    proxy = behind(app_of(headers_back))
    asked = client(proxy)
    for path in ("/health/live", "/health/ready", "/items"):
        assert asked.get(path).status_code == 200
    while "/items" not in (log := proxy.log("access")):
        pass
    assert "/health" not in log
