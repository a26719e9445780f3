"""Answers too large to be held: read piece by piece while they are sent, in threads that await no client."""

import asyncio
from contextlib import closing
from typing import Any, Protocol, TypeGuard

from starlette.types import Message, Receive, Scope, Send

from stockroom.http.bodies import Disconnected

PIECE = 2**18
"""Bytes that are read and sent at a time."""


class Source(Protocol):
    """What a handler returns instead of its value: an open file, whose `size` in bytes is known."""

    @property
    def size(self) -> int: ...

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def is_source(value: Any) -> TypeGuard[Source]:
    """Asked of every value that is answered, so it must cost nothing; no other value can be read."""
    return hasattr(value, "read")


async def send_stream(scope: Scope, receive: Receive, send: Send, start: Message, source: Source) -> None:
    """Send the answer that begins with `start`; close the source. Raises Disconnected if the client leaves.

    A server takes what is sent to a client that is gone, and never says so; hence the look at `receive`.
    """
    with closing(source):
        await send(start)
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
        else:
            await _send_pieces(receive, send, source)


async def _send_pieces(receive: Receive, send: Send, source: Source) -> None:
    leaving = asyncio.ensure_future(_left(receive))
    try:
        while not leaving.done():
            piece = await asyncio.to_thread(source.read, PIECE)
            await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})
            if not piece:
                return
        raise Disconnected
    finally:
        leaving.cancel()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
