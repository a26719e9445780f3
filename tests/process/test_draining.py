"""A process that is to end answers what is on its way to it, and says that each answer is the last."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from stockroom.process.patience import Bounds, Watch
from tests.listening import received, serving
from tests.process.test_server import Receive, Send, deaf, receive_some

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
PATIENCE = 20
LAST = b"\r\nconnection: close\r\n"

Connect = Callable[[], socket.socket]
End = Callable[[], None]


@contextmanager
def ending(app: Any, loop: str) -> Iterator[tuple[Connect, End]]:
    """A server that can be connected to, and be told to end: it does so while the test goes on."""
    with ExitStack() as clients, ExitStack() as server:
        address = server.enter_context(serving(app, loop, Watch(Bounds())))
        closing = threading.Thread(target=server.close)

        def connect() -> socket.socket:
            return clients.enter_context(socket.create_connection(address, timeout=PATIENCE))

        def end() -> None:
            closing.start()
            # Once it takes no more connections, those that are there have been told.
            while is_listening(address):
                time.sleep(0.01)

        # Until it has begun nothing is taken from the queue of its listener.
        with connect() as first:
            first.sendall(REQUEST)
            receive_some(first)
        yield connect, end
        clients.close()
        closing.join()


def is_listening(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


@pytest.fixture(params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Connect, End]]:
    with ending(deaf, request.param) as server:
        yield server


def test_a_connection_on_which_nothing_came_yet_is_answered(server: tuple[Connect, End]) -> None:
    connect, end = server
    connection = connect()
    end()
    connection.sendall(REQUEST)
    assert LAST in received(connection)


def test_a_connection_that_is_kept_is_answered_once_more(server: tuple[Connect, End]) -> None:
    connect, end = server
    connection = connect()
    connection.sendall(REQUEST)
    assert LAST not in receive_some(connection)
    end()
    connection.sendall(REQUEST)
    assert LAST in received(connection)


def test_a_request_that_has_begun_is_waited_for(server: tuple[Connect, End]) -> None:
    connect, end = server
    connection, other = connect(), connect()
    connection.sendall(REQUEST[:9])
    end()
    # The other one says nothing, and is ended first.
    assert received(other) == b""
    connection.sendall(REQUEST[9:])
    assert LAST in received(connection)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_an_answer_that_has_begun_ends_and_another_request_is_answered(loop: str) -> None:
    go_on = threading.Event()

    async def slow(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] != "/slow":
            await deaf(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"o", "more_body": True})
        await asyncio.to_thread(go_on.wait, PATIENCE)
        await send({"type": "http.response.body", "body": b"k"})

    with ending(slow, loop) as (connect, end):
        connection, other = connect(), connect()
        connection.sendall(REQUEST.replace(b"/", b"/slow", 1))
        assert receive_some(connection).startswith(b"HTTP/1.1 200")
        end()
        assert received(other) == b""
        go_on.set()
        connection.sendall(REQUEST)
        rest = received(connection)
        assert rest.startswith(b"k")
        assert rest.count(LAST) == 1
