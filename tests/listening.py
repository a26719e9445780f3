"""ASGI applications on real sockets, read by the protocol of the service, on each loop that runs it."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import uvicorn

from stockroom.process.patience import Bounds, Watch
from stockroom.process.protocol import Protocol

Connect = Callable[[Any], socket.socket]
Serve = Callable[..., tuple[str, int]]


@pytest.fixture(params=["uvloop", "asyncio"])
def serve_raw(request: pytest.FixtureRequest) -> Iterator[Serve]:
    """Serve an application, its clients under a watch, and get its address; everything ends with the test."""
    with ExitStack() as stack:

        def serve(app: Any, watching: Watch | None = None) -> tuple[str, int]:
            return stack.enter_context(serving(app, request.param, watching or Watch(Bounds())))

        yield serve


@pytest.fixture
def connect(serve_raw: Serve) -> Iterator[Connect]:
    """Serve an application and connect to it."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(socket.create_connection(serve_raw(app), timeout=20))


@contextmanager
def serving(app: Any, loop: str, watching: Watch, port: int = 0) -> Iterator[Any]:
    class Watched(Protocol):
        watch = watching

    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(
        app,
        interface="asgi3",
        loop=loop,  # type: ignore[arg-type]  # one of uvicorn's names
        http=Watched,
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
