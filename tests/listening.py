"""ASGI applications on real sockets, read by the protocol of the service, on each loop that runs it."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn

from stockroom.process.protocol import Protocol

Connect = Callable[[Any], socket.socket]


@pytest.fixture(params=["uvloop", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Serve an application and connect to it; everything ends with the test."""
    with ExitStack() as stack:

        def connect(app: Any) -> socket.socket:
            address = stack.enter_context(_serving(app, request.param))
            return stack.enter_context(socket.create_connection(address, timeout=20))

        yield connect


@contextmanager
def _serving(app: Any, loop: str) -> Iterator[Any]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        interface="asgi3",
        loop=loop,  # type: ignore[arg-type]
        http=Protocol,
        ws="none",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def received(connection: socket.socket) -> bytes:
    """All that comes until the connection ends."""
    return b"".join(iter(lambda: connection.recv(65_536), b""))


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answers)]
