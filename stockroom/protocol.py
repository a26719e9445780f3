"""How connections are read and ended: HTTP/1.1 on top of what uvicorn makes of it."""

import asyncio
import uuid
from typing import Any, cast

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from stockroom.contract.guard import CLOSED, SECURITY_HEADERS
from stockroom.heads import Cycle

LONGEST_HEAD = 64 * 1024
"""Bytes that are taken in of a request line with its headers, or of what frames and follows a body."""

LINGERING = 2.0
"""Seconds that a client has to read an answer which ends its connection, and to stop sending."""


class StrictProtocol(HttpToolsProtocol):
    """HTTP/1.1 (RFC 9112) where the base class is lenient: answers keep their order, and heads have an end.

    Heads that can be read are judged by the guard, which answers with a problem.
    """

    _head_open = False
    _head_length = 0
    # Bytes since the last of a body: sizes of chunks, their extensions, trailer fields.
    _framing_length = 0
    # What to say, once all requests before it are answered, of something that is no request.
    _refusal: str | None = None
    _half_closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", _Lingering(transport, self.loop)))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_open = True

    def on_header(self, name: bytes, value: bytes) -> None:
        # Fields behind a body are trailers, which must not be merged into the headers (RFC 9110, 6.5.1).
        if self._head_open:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self._framing_length = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._framing_length = 0
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        self._head_open = False
        self._head_length = 0
        version = self.parser.get_http_version()
        # The parser would let pass what began before HTTP/1.0 and what is framed otherwise since HTTP/2.
        if version not in ("1.0", "1.1"):
            raise ValueError(f"HTTP/{version} is not spoken here")
        if version == "1.1" and b"host" not in dict(self.headers):
            raise ValueError("the Host is missing")
        super().on_headers_complete()
        if self.parser.should_upgrade():
            # Nobody here takes part in an upgrade; but the parser reads nothing behind one.
            self.cycle.keep_alive = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # Here and not where uvicorn makes it, amid what is read of the request.
        cycle.__class__ = Cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        if not self._is_over():
            # Whatever of it is no framing sets this back.
            self._framing_length += len(data)
            super().data_received(data)
        if self._is_over():
            return
        if self._head_open:
            # Still open, so all of `data` but the end of an earlier request belongs to it.
            self._head_length += len(data)
            if self._head_length > LONGEST_HEAD:
                self.send_400_response("The request head is too long.")
        elif self._framing_length > LONGEST_HEAD:
            self.send_400_response("The trailer fields are too long.")

    def _is_over(self) -> bool:
        return self._refusal is not None or self.transport.is_closing()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own protocols may return it
        """Whether to keep the connection: the client sends no more, and waits for answers all the same."""
        self._half_closed = not self.transport.is_closing() and self._unanswered()
        return self._half_closed

    def on_response_complete(self) -> None:
        last = not self.pipeline
        super().on_response_complete()
        if last and not self.transport.is_closing():
            if self._refusal is not None:
                self._refuse(self._refusal)
            elif self._half_closed:
                self.transport.close()

    def shutdown(self) -> None:
        if self._idle():
            # Nothing is under way that the other side could lose.
            self.transport.abort()
        else:
            super().shutdown()

    def _idle(self) -> bool:
        newest: RequestResponseCycle | None = self.cycle
        return newest is None or newest.response_complete

    def _unanswered(self) -> bool:
        """Whether requests that are there in full wait for their answers."""
        if self._idle():
            return False
        if self.cycle.more_body and self.pipeline:
            # The newest never will be there in full, and those before it are still to be answered.
            self.pipeline.popleft()
            return True
        return not self.cycle.more_body

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade may be ignored (RFC 9110, 7.8); that is nothing to be warned of."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, after the answers to all requests before it."""
        if self._unanswered():
            self._refusal = msg
        else:
            self._refuse(msg)

    def _refuse(self, detail: str) -> None:
        """Answer as the guard would, which is not asked, and end the connection."""
        problem = {
            "type": "/problems/malformed-request",
            "title": "The request is malformed",
            "status": 400,
            "detail": detail,
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


class _Lingering:
    """A transport that sends an answer's head and body at once, and takes its time to be closed.

    Both directions are closed only when the other side has closed, or after a while. Closed at once, with
    something unread, the system resets the connection, and the answer may be lost on its way (RFC 9112, 9.6).
    """

    def __init__(self, transport: asyncio.BaseTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = loop
        self._closed = False
        self._unsent: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        # What is still answered after the end, to a body that turned out to be broken, say.
        if self._closed:
            return
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(data)

    def _send(self) -> None:
        data, self._unsent = b"".join(self._unsent), []
        # The client may have left meanwhile.
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if not self.is_closing():
            self._closed = True
            self._send()
            self._transport.resume_reading()
            self._transport.write_eof()
            self._loop.call_later(LINGERING, self._transport.close)
