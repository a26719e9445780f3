"""Requests as a server hands them on: also those that no HTTP client would send."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.types import ASGIApp, Message, Scope

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def problem(self) -> str:
        """The slug of its problem."""
        assert self.headers["content-type"] == "application/problem+json"
        return str(self.json()["type"]).removeprefix("/problems/")


class Counted:
    """Chunks of a body, so many at `most`, and how many of them were `taken`."""

    def __init__(self, chunk: bytes, most: int) -> None:
        self._chunk = chunk
        self._most = most
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(self._most):
            self.taken += 1
            yield self._chunk


HOST = ("Host", "stockroom.test")


def scope_of(method: str, target: str, headers: Headers = (), **changes: Any) -> Scope:
    """`headers` come after that with the host, unless they have it."""
    headers = list(headers)
    headers = headers if "Host" in dict(headers) else [HOST, *headers]
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": ("192.0.2.1", 50000),
        "server": ("stockroom.test", 80),
        **changes,
    }


async def ask(
    app: ASGIApp,
    method: str,
    target: str,
    headers: Headers = (),
    chunks: Iterable[bytes] = (b"",),
    *,
    leaves: bool = False,
    **changes: Any,
) -> Answer | None:
    """The answer to one request; None when there is none, as for a client that `leaves` after its chunks."""
    sent: list[Message] = []
    pieces = iter(chunks)
    following: list[bytes | None] = [next(pieces, None)]

    async def receive() -> Message:
        piece = following.pop()
        if piece is None:
            following.append(None)
            return {"type": "http.disconnect"}
        following.append(next(pieces, None))
        return {"type": "http.request", "body": piece, "more_body": leaves or following[0] is not None}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope_of(method, target, headers, **changes), receive, send)
    if not sent:
        return None
    return Answer(
        sent[0]["status"],
        {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )
