"""HTTP/1.1 connections: uvicorn's protocol for httptools, and what RFC 9112 asks for beyond it.

docs/adr/0018 says why each part is here, and lists the names of uvicorn's that it uses.
"""

import asyncio
from contextlib import suppress
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LONGEST_HEAD = 64 * 1024
"""Bytes of a head, or of the framing of a body with its trailer fields, that are read before a refusal."""

LINGERING = 2.0
"""Seconds that a client has to read the last answer of a connection, and to stop sending."""

REFUSAL = (
    b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"
    b"content-type: text/plain\r\ncontent-length: 28\r\n\r\nThis is no HTTP/1.1 request."
)


class Protocol(HttpToolsProtocol):
    """A connection. When its input ends or cannot be read, whole requests before that are still answered."""

    # Bytes read since the parser last reported a head, a part of a body, or the end of a request.
    _unreported = 0
    _requests = 0
    _answers = 0
    # Set when nothing more is read: what is sent after the last answer, before the connection is closed.
    _last_words: bytes | None = None
    # The request is read again, without its header Upgrade.
    _upgrade = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast("asyncio.Transport", _Transport(transport)))

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None or self.transport.is_closing():
            return
        self._unreported += len(data)
        super().data_received(b"")  # Stops the clock that ends an idle connection.
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._end(REFUSAL)
        else:
            if self._unreported > LONGEST_HEAD:
                self._end(REFUSAL)

    def _parse(self, data: bytes | memoryview) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                self.parser.feed_data(self._head_without_upgrade())
                data = memoryview(data)[upgrade.args[0] :]

    def _head_without_upgrade(self) -> bytes:
        """The last head. Upgrades may be ignored (RFC 9110, 7.8), and the parser drops a body behind one."""
        version = self.parser.get_http_version().encode()
        start = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)
        fields = (b"%b: %b" % field for field in self.headers if field[0] != b"upgrade")
        return b"\r\n".join([start, *fields, b"", b""])

    def on_headers_complete(self) -> None:
        self._unreported = 0
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise ValueError("there are no tunnels here")
            self._upgrade = True
            return
        super().on_headers_complete()
        # Trailer fields are not merged into the headers (RFC 9110, 6.5.1), which the scope has by now.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        self._unreported = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unreported = 0
        if self._upgrade:
            self._upgrade = False
            return
        self._requests += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._answers += 1
        super().on_response_complete()
        if self._last_words is not None:
            self._close_when_answered()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own protocols may return it
        """Whether to keep the connection: the client sends no more, and may wait for answers all the same."""
        if self._last_words is None:
            self._end(b"")
        return not self.transport.is_closing()

    def _end(self, last_words: bytes) -> None:
        self._last_words = last_words
        self._close_when_answered()

    def _close_when_answered(self) -> None:
        if self._answers < self._requests:
            return
        newest: Any = self.cycle
        under_way = newest and newest.response_started and not newest.response_complete
        if self._last_words and not under_way:
            self.transport.write(self._last_words)
        self.transport.close()


class _Transport:
    """A transport that sends a head together with its body, and takes its time to be closed.

    Once closed it sends no more, and reads on for a while. Otherwise the system would reset a connection with
    something unread, and the last answer might be lost on its way (RFC 9112, 9.6).
    """

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        if self._closed:
            return  # An answer may come late: one to a request whose body turned out to be broken, say.
        if self._held:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        else:
            self._held = data
            self._loop.call_soon(self._send_held)

    def _send_held(self) -> None:
        data, self._held = self._held, b""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if self.is_closing():
            return
        self._closed = True
        self._send_held()
        if not self._transport.can_write_eof():  # TLS cannot.
            self._transport.close()
            return
        self._transport.resume_reading()
        with suppress(OSError):  # The client may have reset the connection.
            self._transport.write_eof()
        self._loop.call_later(LINGERING, self._transport.close)
