"""Replies: a handler's value made into status, headers and bytes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
from starlette.types import Message, Send

from stockroom.contract.document import digest
from stockroom.contract.operations import Operation
from stockroom.frozen import frozen
from stockroom.http.entity_tags import is_known
from stockroom.http.streams import Source, is_source

Headers = dict[str, str]


@frozen
class Reply:
    """An answer. `body` is empty where there is none, or where it is to be read from `source`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    source: Source | None = None


def render(operation: Operation, result: Any, known: str | None = None) -> Reply:
    """What a handler returned (the value, or the value and headers) as the operation's success.

    `known` are the ETags of what the client has: there is no body then, for `conditional` would not send it.
    """
    value, headers = result if isinstance(result, tuple) else (result, {})
    headers = {"Cache-Control": operation.cache_control, **headers}
    if value is None:
        return Reply(operation.success, headers, b"")
    if operation.media_type:
        headers.setdefault("Content-Type", operation.media_type)
    if is_source(value):
        return Reply(operation.success, headers, b"", value)
    if is_known(headers.get("ETag"), known):
        return Reply(operation.success, headers, b"")
    body = value if isinstance(value, bytes) else to_json(value)
    if "ETag" not in headers and 304 in operation.responses:
        headers["ETag"] = digest(body)
    return Reply(operation.success, headers, body)


async def send_reply(send: Send, reply: Reply) -> None:
    await send(start_of(reply, len(reply.body)))
    await send({"type": "http.response.body", "body": reply.body})


def start_of(reply: Reply, length: int) -> Message:
    """How a reply of so many bytes begins."""
    headers = [(_wire_name(name), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply.status not in (204, 304):
        headers.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


@cache
def _wire_name(name: str) -> bytes:
    return name.lower().encode()


def to_json(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # To the millisecond, in a quarter of the time of `isoformat`; orjson writes microseconds, or none.
        written = orjson.dumps(value.astimezone(UTC))
        return orjson.Fragment(written[:24] + b'Z"' if value.microsecond else written[:20] + b'.000Z"')
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
