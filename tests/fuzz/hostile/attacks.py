"""An attack: what is sent, and which requests a reader of HTTP would find in it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from urllib.parse import unquote, urlsplit

from stockroom.contract.operations import Operation

Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Plain:
    """A request that the service would accept; `value` is its body before it was written as `media`."""

    operation: Operation
    target: bytes
    headers: tuple[Header, ...]
    media: str | None = None
    value: Any = None
    body: bytes = b""

    @property
    def method(self) -> bytes:
        return self.operation.method.encode()

    @property
    def path(self) -> bytes:
        return self.target.partition(b"?")[0]

    @property
    def authorization(self) -> tuple[Header, ...]:
        return tuple(header for header in self.headers if header[0] == b"Authorization")

    def without(self, *names: bytes) -> "Plain":
        return replace(self, headers=tuple(header for header in self.headers if header[0] not in names))

    def having(self, *headers: Header) -> "Plain":
        """With these headers in the place of others with the same names."""
        kept = self.without(*(name for name, _ in headers)).headers
        return replace(self, headers=(*kept, *headers))


@dataclass(frozen=True)
class Asked:
    """A request that must be answered; answers echo its id. `path` is percent-decoded."""

    id: str
    method: str
    path: str


@dataclass(frozen=True)
class Attack:
    """`pieces` are sent one by one; the answers to `asked` come back in this order.

    An attack that is not `finished` leaves its last request without an end, so that needs no answer. One that
    must be `refused` is answered once, with 400, and nothing after it is taken for a request.
    """

    family: str
    pieces: tuple[bytes, ...]
    asked: tuple[Asked, ...]
    finished: bool = True
    refused: bool = False


Family = Callable[[Random, Plain, str], Attack]


def head(method: bytes, target: bytes, headers: Iterable[Header], version: bytes = b"HTTP/1.1") -> bytes:
    lines = (b"%b: %b\r\n" % header for header in headers)
    return b"%b %b %b\r\n%b\r\n" % (method, target, version, b"".join(lines))


def identified(plain: Plain, id: str) -> tuple[Header, ...]:
    """The headers of `plain` behind those that every request needs; without the length of its body."""
    return ((b"Host", b"stockroom.test"), (b"X-Request-Id", id.encode()), *plain.headers)


def with_length(headers: tuple[Header, ...], body: bytes) -> tuple[Header, ...]:
    return (*headers, (b"Content-Length", b"%d" % len(body))) if body else headers


def written(plain: Plain, id: str) -> bytes:
    """The bytes of a request as clients send it."""
    headers = with_length(identified(plain, id), plain.body)
    return head(plain.method, plain.target, headers) + plain.body


def asked(plain: Plain, id: str, *, method: bytes | None = None, target: bytes | None = None) -> Asked:
    name = (plain.method if method is None else method).decode("latin-1")
    return Asked(id, name, path_of(plain.target if target is None else target))


def path_of(target: bytes) -> str:
    """The path of a target in origin-form or absolute-form (RFC 9112, 3.2)."""
    text = target.decode("latin-1")
    if not text.startswith("/"):
        try:
            text = urlsplit(text).path
        except ValueError:
            return ""
    return unquote(text.partition("?")[0].partition("#")[0])


def one(family: str, plain: Plain, id: str) -> Attack:
    """An attack of one request that is framed as it should be: whatever is in it, it is answered."""
    return Attack(family, (written(plain, id),), (asked(plain, id),))
