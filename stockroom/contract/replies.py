"""Replies: a handler's value made into status, headers and bytes, and answered conditionally."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import Message, Send

from stockroom.contract.document import digest
from stockroom.contract.operations import IF_NONE_MATCH, Operation
from stockroom.contract.streams import Source, is_source

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `body` is empty where there is none, or where it is to be read from `source`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    source: Source | None = None


def render(operation: Operation, result: Any) -> Reply:
    """What a handler returned (the value, or the value and headers) as the operation's success."""
    value, headers = result if isinstance(result, tuple) else (result, {})
    headers = {"Cache-Control": _cache_control(operation), **headers}
    if value is None:
        return Reply(operation.success, headers, b"")
    if operation.media_type:
        headers.setdefault("Content-Type", operation.media_type)
    if is_source(value):
        return Reply(operation.success, headers, b"", value)
    body = value if isinstance(value, bytes) else to_json(value)
    if 304 in operation.responses:
        headers.setdefault("ETag", digest(body))
    return Reply(operation.success, headers, body)


def conditional(reply: Reply, arguments: Mapping[str, Any]) -> Reply:
    """`reply`, or 304 with its headers if the client has it already (RFC 9110, 13.1.2)."""
    wanted, etag = arguments.get(IF_NONE_MATCH), reply.headers.get("ETag")
    if wanted is None or etag is None:
        return reply
    if wanted != "*" and etag not in (tag.strip().removeprefix("W/") for tag in wanted.split(",")):
        return reply
    headers = {name: value for name, value in reply.headers.items() if name != "Content-Type"}
    return replace(reply, status=304, headers=headers, body=b"")


async def send_reply(send: Send, reply: Reply) -> None:
    await send(start_of(reply, len(reply.body)))
    await send({"type": "http.response.body", "body": reply.body})


def start_of(reply: Reply, length: int) -> Message:
    """How a reply of so many bytes begins."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in reply.headers.items()]
    if reply.status not in (204, 304):
        headers.append((b"content-length", str(length).encode()))
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


def to_json(value: Any) -> bytes:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # `+00:00` at the end is what the contract writes as `Z`.
        return f"{value.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _cache_control(operation: Operation) -> str:
    if operation.cache:
        return f"private, max-age={operation.cache.seconds}"
    if operation.method == "GET" and operation.scopes is not None:
        return "private, no-cache"
    return "no-store"
