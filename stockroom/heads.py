"""Heads of answers, each written as a whole: uvicorn looks at one header after the other."""

from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

Header = tuple[bytes, bytes]

_CONTROLS = bytes([*range(9), *range(10, 32), 127])
"""What is in no name and no value (RFC 9110, 5.5)."""


class Cycle(RequestResponseCycle):
    """A request and its answer. Names of headers are in lower case; the only word about the connection is
    `close`.
    """

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start" and not (self.response_started or self.disconnected):
            self._begin(message["status"], [*self.default_headers, *message["headers"]])
        else:
            await super().send(message)

    def _begin(self, status: int, headers: list[Header]) -> None:
        fields = dict(headers)
        if b"connection" in fields:
            self.keep_alive = False
        elif not self.keep_alive:
            headers.append((b"connection", b"close"))
        if b"content-length" in fields:
            self.expected_content_length = int(fields[b"content-length"])
        elif self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            headers.append((b"transfer-encoding", b"chunked"))
        head = _written(headers)
        self.response_started, self.waiting_for_100_continue = True, False
        self.transport.write(STATUS_LINE[status] + head)


def _written(headers: Sequence[Header]) -> bytes:
    """The lines of headers and the empty one. Raises ValueError where one would make another of its own."""
    lines = b"\r\n".join([*map(b": ".join, headers), b"", b""])
    if len(lines) - len(lines.translate(None, _CONTROLS)) != 2 * (len(headers) + 1):
        raise ValueError("a header holds a control character")
    return lines
