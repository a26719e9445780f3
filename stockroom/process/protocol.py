"""HTTP/1.1 connections: uvicorn's protocol for httptools, and what RFC 9112 asks for beyond it.

docs/adr/0018 says why each part is here, and lists the names of uvicorn's that it uses.
"""

import asyncio
import re
from collections.abc import Hashable
from typing import Any, ClassVar, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stockroom.process.patience import Bounds, Pace, Watch
from stockroom.process.refusals import Reason
from stockroom.process.transport import Transport

DRAINING = 1.0
"""Seconds that a connection at rest is still read when the process is to end: a request may be on its way."""

LONGEST_HEAD = 64 * 1024
"""Bytes of a head, or of the framing of a body with its trailer fields, that are read before a refusal."""

PLAIN = b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%b"


def _plain(status: bytes, text: bytes) -> bytes:
    return PLAIN % (status, len(text), text)


REFUSAL = _plain(b"400 Bad Request", b"This is no HTTP/1.1 request.")
UNKNOWN_METHOD = _plain(b"501 Not Implemented", b"The method is not known here.")
TOO_SLOW = _plain(b"408 Request Timeout", b"The request did not arrive in time.")
TOO_MANY = _plain(b"503 Service Unavailable\r\nretry-after: 1", b"There are too many connections.")

# A method is a token (RFC 9110, 5.6.2), of which more may be on its way.
_METHOD = re.compile(rb"(?:\r\n)*[!#$%&'*+.^_`|~0-9A-Za-z-]+(?: |\Z)")


def _new_parser(protocol: "Protocol") -> httptools.HttpRequestParser:
    """As uvicorn makes its own."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


class Protocol(HttpToolsProtocol):
    """A connection. When its input ends or cannot be read, whole requests before that are still answered.

    `watch` is that of all connections of the class, and ends those whose clients are too slow.
    """

    watch: ClassVar[Watch] = Watch(Bounds())

    _received = 0
    _within_body = False
    # Bytes read since the parser last reported a head, a part of a body, or the end of a request.
    _unreported = 0
    _requests = 0
    _answers = 0
    # Set when nothing more is read: what is sent after the last answer, before the connection is closed.
    _last_words: bytes | None = None
    # The request is read again, without its header Upgrade.
    _upgrade = False
    _is_draining = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stream = Transport(transport)
        self._reading, self._writing = Pace(self.watch.bounds), Pace(self.watch.bounds)
        super().connection_made(cast("asyncio.Transport", self._stream))
        peer = transport.get_extra_info("peername")
        # On a Unix socket it is a path, or nothing.
        self._client = str(peer[0]) if isinstance(peer, tuple) else ""
        if not self.watch.admits(self, self._client):
            self._end(TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self.watch.forget(self)
        super().connection_lost(exc)

    def look(self, now: float) -> None:
        """End the connection if its client is too slow."""
        stream = self._stream
        unsent = stream.get_write_buffer_size() or None
        if self._writing.is_over(now, unsent and "answer", stream.taken):
            self.watch.refusals.note("slow-reader", self._client)
            stream.abort()
        elif self._reading.is_over(now, self._awaited(), self._received if self._within_body else 0):
            # Whoever has said nothing so far has asked for nothing.
            if self._received:
                self._refuse("too-slow", TOO_SLOW)
            else:
                self._end(b"")

    def _awaited(self) -> Hashable:
        """What the client is to send, with the number of its request; None if it need not send anything."""
        if self._last_words is not None or not self._stream.is_reading:
            return None
        if self._within_body:
            return "body", self._requests
        has_begun = self._unreported or not self._requests
        return ("head", self._requests) if has_begun and self._answers >= self._requests else None

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None or self.transport.is_closing():
            return
        begins = not self._unreported
        self._unreported += len(data)
        self._received += len(data)
        super().data_received(b"")  # Stops the clock that ends an idle connection.
        try:
            self._parse(data)
        except httptools.HttpParserInvalidMethodError:
            # The parser does not say where it stands; but nothing was reported since the request begins here.
            here = begins and self._unreported == len(data)
            if here and _METHOD.match(data):
                self._refuse("unknown-method", UNKNOWN_METHOD)
            else:
                self._refuse("malformed", REFUSAL)
        except httptools.HttpParserError:
            self._refuse("malformed", REFUSAL)
        else:
            if self._unreported > LONGEST_HEAD:
                self._refuse("malformed", REFUSAL)

    def _parse(self, data: bytes | memoryview) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                head = self._head_without_upgrade()
                # The one before takes what follows a request to be the last for an error.
                self.parser = _new_parser(self)
                self.parser.feed_data(head)
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
        self._within_body = True
        super().on_headers_complete()
        if self._is_draining:
            self._drain()
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
        self._within_body = False
        self._requests += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._answers += 1
        super().on_response_complete()
        if self._is_draining:
            self._drain()
        if self._last_words is not None:
            self._close_when_answered()

    def shutdown(self) -> None:
        """The process is to end: answer what is under way or on its way, and say that it is the last."""
        self._is_draining = True
        self._drain()

    def _drain(self) -> None:
        newest: Any = self.cycle
        if (self._answers < self._requests or self._within_body) and not newest.response_started:
            super().shutdown()
        else:
            asyncio.get_running_loop().call_later(DRAINING, self._end_at_rest)

    def _end_at_rest(self) -> None:
        # What has begun is answered, and ends the connection then.
        if not (self._unreported or self._within_body or self._answers < self._requests):
            self._end(b"")

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's own protocols may return it
        """Whether to keep the connection: the client sends no more, and may wait for answers all the same."""
        if self._last_words is None:
            self._end(b"")
        return not self.transport.is_closing()

    def _refuse(self, reason: Reason, answer: bytes) -> None:
        self.watch.refusals.note(reason, self._client)
        self._end(answer)

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
