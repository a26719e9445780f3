"""Bodies as they arrive: their media type, and their bytes within bounds."""

import codecs
from collections.abc import AsyncIterator
from encodings.aliases import aliases

from starlette.types import Receive

from stockroom.contract.body_readers import MediaType
from stockroom.contract.problems import Problem


class Disconnected(Exception):
    """The client went away before its request, or its answer, was there in full: nobody is left to answer."""


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


async def receive_chunks(receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """The body, piece by piece. Raises Problem beyond `limit` bytes, Disconnected when the client leaves."""
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        more = message.get("more_body", False)
        yield chunk


def too_large(limit: int) -> Problem:
    return Problem("content-too-large", f"The body may have {limit} bytes.")
