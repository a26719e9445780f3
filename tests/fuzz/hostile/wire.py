"""HTTP/1.1 on a bare socket: any bytes go out; what comes back must be answers, to the letter (RFC 9112)."""

import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from typing import cast

# Seconds; whatever takes this long is not answered.
PATIENCE = 20.0
# Bytes of a line of an answer.
LONGEST_LINE = 16_384

STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) [\t\x20-\x7e]*\r\n")
HEADER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*\r\n")
CHUNK_LINE = re.compile(rb"([0-9a-f]{1,8})\r\n")


class Unparseable(Exception):
    """What came back is no answer, or not all of one."""


@dataclass(frozen=True)
class Answer:
    """One final answer; names of headers are lower-case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")

    @property
    def closes(self) -> bool:
        """Whether it says that nothing more comes on this connection."""
        return self.headers.get("connection", "").lower() == "close"


class Connection:
    """A connection to the service at `address`."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = cast("BufferedReader", self._socket.makefile("rb"))

    def send(self, pieces: Iterable[bytes]) -> None:
        """Send each piece by itself, until the other side will not have any more: its answer says why."""
        with suppress(BrokenPipeError, ConnectionResetError):
            for piece in pieces:
                self._socket.sendall(piece)

    def finish_sending(self) -> None:
        with suppress(OSError):  # The other side has gone already.
            self._socket.shutdown(socket.SHUT_WR)

    def receive(self, *, to_head: str = "") -> Answer | None:
        """The next answer, or None where the connection has ended; `to_head` is the id of a HEAD request.

        Raises Unparseable for anything else, a lack of patience among it.
        """
        try:
            return read_answer(self._stream, to_head)
        except ConnectionResetError:
            return None
        except TimeoutError:
            raise Unparseable(f"no answer within {PATIENCE:.0f} s") from None

    def close(self) -> None:
        self._stream.close()
        self._socket.close()


def read_answer(stream: BufferedReader, to_head: str) -> Answer | None:
    line = stream.readline(LONGEST_LINE)
    if not line:
        return None
    status = STATUS_LINE.fullmatch(line)
    if status is None:
        raise Unparseable(f"{line[:200]!r} is no status line")
    headers = _read_headers(stream)
    code = int(status[1])
    if code < 200:
        return read_answer(stream, to_head)
    bodiless = code in (204, 304) or (to_head and headers.get("x-request-id") == to_head)
    return Answer(code, headers, b"" if bodiless else _read_body(stream, headers))


def _read_headers(stream: BufferedReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := stream.readline(LONGEST_LINE)) != b"\r\n":
        header = HEADER_LINE.fullmatch(line)
        if header is None:
            raise Unparseable(f"{line[:200]!r} is no header")
        name, value = header[1].decode().lower(), header[2].decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _read_body(stream: BufferedReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") == "chunked" and "content-length" not in headers:
        return b"".join(iter(lambda: _read_chunk(stream), b""))
    length = headers.get("content-length", "")
    if not length.isdecimal() or "transfer-encoding" in headers:
        raise Unparseable(f"nobody can tell how long the body is: {headers}")
    return _read_exactly(stream, int(length))


def _read_chunk(stream: BufferedReader) -> bytes:
    size = CHUNK_LINE.fullmatch(stream.readline(LONGEST_LINE))
    if size is None:
        raise Unparseable("a chunk has no size")
    chunk = _read_exactly(stream, int(size[1], 16))
    _read_exactly(stream, 2)
    return chunk


def _read_exactly(stream: BufferedReader, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise Unparseable(f"the connection ended {size - len(content)} bytes before the answer did")
    return content
