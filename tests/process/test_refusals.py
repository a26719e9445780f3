"""The log tells of connections that the server ends by itself, and no flood of them fills the disk."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from stockroom.process.patience import Bounds, Watch
from stockroom.process.refusals import SILENCE, Refusals
from tests.listening import Serve, received, statuses
from tests.process.test_server import REQUEST, Receive, Send, echo, live

PATIENCE = 20.0
SHORT = Bounds(seconds=1, bytes_per_second=1)
Lines = list[dict[str, Any]]


@pytest.fixture
def send(serve_raw: Serve) -> Iterator[Callable[..., bytes]]:
    """Send bytes on a connection of their own, and get all that comes back until it ends."""
    with ExitStack() as stack:

        def sent(address: Any, data: bytes) -> bytes:
            connection = stack.enter_context(socket.create_connection(address, timeout=20))
            connection.sendall(data)
            return received(connection)

        yield sent


def line(reason: str, left_out: int = 0) -> dict[str, Any]:
    return {
        "event": "connection.refused",
        "reason": reason,
        "client": "127.0.0.1",
        "left_out": left_out,
        "log_level": "warning",
    }


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (REQUEST[:-2], 408, "too-slow"),
        (b"(no request)\r\n\r\n", 400, "malformed"),
        (b"GET / HTTP/1.1\r\nX: " + bytes(70_000), 400, "malformed"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000, 400, "malformed"),
        (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501, "unknown-method"),
    ],
)
def test_what_the_server_refuses_is_logged(
    sent: bytes, status: int, reason: str, serve_raw: Serve, send: Callable[..., bytes], logged: Lines
) -> None:
    assert statuses(send(serve_raw(echo, Watch(SHORT)), sent)) == [status]
    assert logged == [line(reason)]


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [(Bounds(connections=0), "too-many"), (Bounds(of_one_network=0), "too-many-of-one-address")],
)
def test_a_connection_too_many_is_logged(
    bounds: Bounds, reason: str, serve_raw: Serve, send: Callable[..., bytes], logged: Lines
) -> None:
    assert statuses(send(serve_raw(echo, Watch(bounds)), b"")) == [503]
    assert logged == [line(reason)]


def test_a_reader_that_is_let_go_is_logged(serve_raw: Serve, logged: Lines) -> None:
    async def large(scope: Any, receive: Receive, send: Send) -> None:
        if not await live(scope, receive, send):
            size = (b"content-length", b"100000000")
            await send({"type": "http.response.start", "status": 200, "headers": [size]})
            await send({"type": "http.response.body", "body": bytes(100_000_000)})

    watch = Watch(SHORT)
    with socket.create_connection(serve_raw(large, watch), timeout=20) as connection:
        connection.sendall(REQUEST)
        give_up = time.monotonic() + PATIENCE
        while not logged and time.monotonic() < give_up:
            time.sleep(0.01)
    assert logged == [line("slow-reader")]


def test_who_asks_and_who_says_nothing_is_not_logged(
    serve_raw: Serve, send: Callable[..., bytes], logged: Lines
) -> None:
    address = serve_raw(echo, Watch(SHORT))
    last = REQUEST[:-2] + b"Connection: close\r\n\r\n"
    assert statuses(send(address, last)) == [200]
    assert send(address, b"") == b""
    assert logged == []


def test_a_flood_has_one_line_for_each_reason_now_and_then_and_a_number(logged: Lines) -> None:
    now = 0.0
    refusals = Refusals(lambda: now)
    for _ in range(10_000):
        refusals.note("malformed", "127.0.0.1")
    refusals.note("too-slow", "127.0.0.1")
    assert logged == [line("malformed"), line("too-slow")]
    now = SILENCE
    for _ in range(10_000):
        refusals.note("malformed", "127.0.0.1")
    assert logged[2:] == [line("malformed", left_out=9_999)]
    now = 3 * SILENCE
    refusals.note("malformed", "127.0.0.1")
    now = 5 * SILENCE
    refusals.note("malformed", "127.0.0.1")
    assert logged[3:] == [line("malformed", left_out=9_999), line("malformed")]
