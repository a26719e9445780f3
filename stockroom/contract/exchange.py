"""What is known of one request while it travels through the house."""

import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.types import Scope

from stockroom.contract.operations import Operation

EXTENSION = "stockroom"


class Principal(Protocol):
    """Who is calling: a name that stays the same, and what the token allows."""

    @property
    def subject(self) -> str: ...
    @property
    def scopes(self) -> frozenset[str]: ...


@dataclass(slots=True)
class Exchange:
    """`headers` go onto every answer; `arguments` are the values, good for the operation `validated`."""

    request_id: str
    client: str
    started: float = field(default_factory=time.perf_counter)
    operation: Operation | None = None
    principal: Principal | None = None
    validated: Operation | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict, repr=False)
    fingerprint: bytes = field(default=b"", repr=False)


def exchange_of(scope: Scope) -> Exchange:
    exchange: Exchange = scope["extensions"][EXTENSION]
    return exchange
