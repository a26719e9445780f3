"""How gunicorn and uvicorn serve the application; `gunicorn.conf.py` names these classes."""

import logging
import uuid
from typing import Any

import orjson
from gunicorn.glogging import Logger
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

from stockroom.contract.guard import CLOSED, SECURITY_HEADERS

LONGEST_HEAD = 64 * 1024
"""Bytes of a request line with its headers that are taken in before the connection is given up."""


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 that gives up on a request head without end: the parser would keep all of it in memory.

    Heads that do end are judged by the guard, which answers with a problem.
    """

    _head_open = False
    _head_length = 0

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_open = True

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._head_length = 0
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_open:
            # Still open, so all of `data` but the end of an earlier request belongs to it.
            self._head_length += len(data)
            if self._head_length > LONGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The request head is too long.")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP as the guard would, which is not asked, and end the connection."""
        problem = {
            "type": "/problems/malformed-request",
            "title": "The request is malformed",
            "status": 400,
            "detail": msg,
            "instance": "",  # There is no path to tell of.
        }
        body = orjson.dumps(problem)
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
            (b"x-request-id", uuid.uuid4().hex.encode()),
            *self.server_state.default_headers,
            *SECURITY_HEADERS,
            CLOSED,
        ]
        lines = [b"HTTP/1.1 400 Bad Request", *(b"%b: %b" % header for header in headers), b"", body]
        self.transport.write(b"\r\n".join(lines))
        self.transport.close()


class Worker(UvicornWorker):
    """One process of the API."""

    CONFIG_KWARGS = {  # noqa: RUF012 - declared by the base class as an instance attribute's default
        "loop": "uvloop",
        "http": BoundedProtocol,
        "ws": "none",
        # A contract that cannot be kept must stop the process from starting, not fail its first request.
        "lifespan": "on",
        # The guard counts proxies itself; what uvicorn believes could be forged.
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "timeout_graceful_shutdown": 8,
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The base class has just attached it to gunicorn's handlers; ours are on the root logger.
        log = logging.getLogger("uvicorn.error")
        log.handlers = []
        log.propagate = True
        log.setLevel(logging.getLogger("uvicorn").level)


class RootLogger(Logger):
    """gunicorn's own events, handed to the logging that `stockroom.logs` has set up."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.getLogger("gunicorn").level)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """The application logs requests itself."""
