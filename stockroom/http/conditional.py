"""Conditional answers: what the client has already is not sent again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stockroom.contract.operations import IF_NONE_MATCH
from stockroom.http.entity_tags import is_known
from stockroom.http.replies import Reply


def conditional(reply: Reply, arguments: Mapping[str, Any]) -> Reply:
    """`reply`, or 304 with its headers if the client has it already (RFC 9110, 13.1.2)."""
    if not is_known(reply.headers.get("ETag"), arguments.get(IF_NONE_MATCH)):
        return reply
    headers = {name: value for name, value in reply.headers.items() if name != "Content-Type"}
    return replace(reply, status=304, headers=headers, body=b"")
