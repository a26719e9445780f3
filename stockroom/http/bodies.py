"""Bodies as they arrive: their media type, and their bytes within bounds."""

import codecs
from collections.abc import AsyncIterator
from encodings.aliases import aliases

from starlette.types import Receive

from stockroom.contract.body_readers import MediaType
from stockroom.contract.problems import Problem, unavailable


class Disconnected(Exception):
    """The client went away before its request, or its answer, was there in full: nobody is left to answer."""


SMALL = 65_536
"""Bytes of a body for which there is always room."""

_CHARSETS = frozenset(aliases) | frozenset(aliases.values())


def read_media_type(header: str) -> MediaType:
    """Raises Problem when the charset is none that Python knows."""
    name, *parameters = header.split(";")
    charset = None
    for parameter in parameters:
        key, _, text = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = _codec(text.strip().strip('"'))
    return MediaType(name.strip().lower(), charset)


def _codec(charset: str) -> str:
    # Python keeps each name it was ever asked for, known or not; so only names of its own list are looked up.
    name = charset.lower().replace("-", "_")
    if name not in _CHARSETS:
        raise Problem("unsupported-media-type", "The charset is not known here.")
    return codecs.lookup(name).name


class Memory:
    """Room for bodies that are held until they are complete: `size` bytes for all that is beyond SMALL."""

    def __init__(self, size: int) -> None:
        self._free = size

    def take(self, size: int) -> None:
        """Raises Problem where there is not so much room."""
        if size > self._free:
            detail = "Many large requests are arriving. Try again in a moment."
            raise unavailable(detail)
        self._free -= size

    def give_back(self, size: int) -> None:
        self._free += size


async def receive_chunks(receive: Receive, limit: int, memory: Memory | None) -> AsyncIterator[bytes]:
    """The body, piece by piece; `memory` is for one that will be held.

    Raises Problem beyond `limit` bytes or without room, Disconnected when the client leaves.
    """
    size = taken = 0
    more = True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            if memory and size > SMALL + taken:
                memory.take(size - SMALL - taken)
                taken = size - SMALL
            more = message.get("more_body", False)
            yield chunk
    finally:
        if memory:
            memory.give_back(taken)


def too_large(limit: int) -> Problem:
    return Problem("content-too-large", f"The body may have {limit} bytes.")
