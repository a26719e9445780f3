"""The HTTP server keeps to the letter of HTTP/1.1 where what it is made of would not."""

import http.client
import re
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from stockroom.contract.contract import Contract
from stockroom.contract.problems import Problem
from stockroom.protocol import LONGEST_HEAD, StrictProtocol
from tests.witness import Witness

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer_ok(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})  # type: ignore[typeddict-item,misc]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[typeddict-item,misc]


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            answer_ok, http=StrictProtocol, ws="none", lifespan="off", log_config=None, server_header=False
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    with socket.create_connection(listener.getsockname(), timeout=10) as opened:
        yield opened
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"GET /"])
def test_a_head_without_end_is_refused_before_it_fills_memory(connection: socket.socket, start: bytes):
    connection.sendall(start + b"a" * (LONGEST_HEAD + 1))
    assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_what_is_no_http_is_refused_as_the_guard_would(
    connection: socket.socket, contract: Contract, witness: Witness
):
    connection.sendall(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    body = answer.read()
    problem = Problem("malformed-request", "Invalid HTTP request received.")
    assert body == contract.catalogue.render(problem, "")
    assert answer.headers["X-Request-Id"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    witness.see("GET", "/", {}, b"", answer.status, dict(answer.headers), body)


def statuses(connection: socket.socket) -> list[int]:
    """The statuses of all answers until the connection ends."""
    answers = b"".join(iter(lambda: connection.recv(65536), b""))
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answers)]


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n",
        b"GET /\r\n",
        b"GET / HTTP/0.9\r\n",
    ],
)
def test_a_version_that_is_not_spoken_and_a_missing_host_are_refused(
    connection: socket.socket, head: bytes
) -> None:
    connection.sendall(head + b"\r\n")
    assert statuses(connection) == [400]


def test_older_clients_need_no_host(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
    assert statuses(connection) == [200]


@pytest.mark.parametrize(
    "garbage", [b"\0\0\0", b"FROB / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nno header\r\n"]
)
def test_garbage_is_refused_after_the_answers_to_what_came_before_it(
    connection: socket.socket, garbage: bytes
) -> None:
    connection.sendall(2 * REQUEST + garbage)
    assert statuses(connection) == [200, 200, 400]


def test_a_body_that_breaks_off_is_refused_after_the_answers_to_what_came_before_it(
    connection: socket.socket,
) -> None:
    broken = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
    connection.sendall(REQUEST + broken)
    assert statuses(connection) == [200, 400]


def test_whoever_stops_sending_gets_the_answers_all_the_same(connection: socket.socket) -> None:
    connection.sendall(2 * REQUEST)
    connection.shutdown(socket.SHUT_WR)
    assert statuses(connection) == [200, 200]


def test_an_upgrade_is_ignored_and_ends_the_connection(
    connection: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    connection.sendall(upgrade + REQUEST)
    assert connection.recv(65536).lower().count(b"connection: close") == 1
    assert connection.recv(65536) == b""
    assert not caplog.records


def test_an_answer_is_not_lost_on_a_client_that_still_sends(connection: socket.socket) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10000000\r\n\r\n"
    connection.sendall(head)
    for _ in range(100):
        connection.sendall(bytes(100_000))
    assert statuses(connection) == [200]


def test_long_bodies_and_many_requests_are_no_long_heads(connection: socket.socket):
    for _ in range(3):
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (2 * LONGEST_HEAD)
        connection.sendall(head + b"x" * 2 * LONGEST_HEAD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("framing", [b"0\r\nX-A: ", b"0\r\n" + b"X-A: a\r\n" * 8_000, b"1;"])
def test_trailer_fields_and_extensions_without_end_are_refused(
    connection: socket.socket, framing: bytes
) -> None:
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + framing)
    connection.sendall(b"a" * 2 * LONGEST_HEAD)
    assert statuses(connection)[-1] == 400
