"""The HTTP server gives up on requests that never come to their body."""

import http.client
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope

from stockroom.contract.contract import Contract
from stockroom.contract.problems import Problem
from stockroom.server import LONGEST_HEAD, BoundedProtocol
from tests.witness import Witness


async def answer_ok(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})  # type: ignore[typeddict-item,misc]
    await send({"type": "http.response.body", "body": b""})  # type: ignore[typeddict-item,misc]


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            answer_ok, http=BoundedProtocol, ws="none", lifespan="off", log_config=None, server_header=False
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


def test_long_bodies_and_many_requests_are_no_long_heads(connection: socket.socket):
    for _ in range(3):
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (2 * LONGEST_HEAD)
        connection.sendall(head + b"x" * 2 * LONGEST_HEAD)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
