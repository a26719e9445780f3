"""The request context: what is known of one request on its way."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.types import Scope

from stockroom.contract.operations import Operation

EXTENSION = "stockroom"


class Identity(Protocol):
    """Who is calling: a name that stays the same, and what the token allows."""

    @property
    def subject(self) -> str: ...
    @property
    def scopes(self) -> frozenset[str]: ...


@dataclass(slots=True)
class RequestContext:
    """`fields` are the request's headers, by name; `headers` go onto every answer.

    `user` is who sent a request without a token, and has shown it by a password, say. `arguments` are the
    values, good for the operation `validated`; `cache_place` is where to keep its answer.
    """

    request_id: str
    client: str
    fields: Mapping[bytes, bytes] = field(default_factory=dict, repr=False)
    started: float = field(default_factory=time.perf_counter)
    operation: Operation | None = None
    principal: Identity | None = None
    user: str | None = None
    validated: Operation | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)
    fingerprint: bytes = field(default=b"", repr=False)
    cache_place: Any = field(default=None, repr=False)

    def identify(self, user: str) -> None:
        self.user = user

    @property
    def caller(self) -> str:
        """Who is to be told from others: the account, or the address of who has not logged in."""
        return self.principal.subject if self.principal else f"address {self.client}"


def context_of(scope: Scope) -> RequestContext:
    context: RequestContext = scope["extensions"][EXTENSION]
    return context


def fields_of(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name. Several lines of one name are one list (RFC 9110, 5.3)."""
    fields = dict(headers)
    if len(fields) < len(headers):
        fields = {}
        for name, value in headers:
            fields[name] = b"%b, %b" % (fields[name], value) if name in fields else value
    return fields
