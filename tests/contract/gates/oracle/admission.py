"""What a contract makes of a request, without a service: the runtime's own checks on what was recorded."""

import base64
import binascii
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from stockroom.contract.operations import Operation
from stockroom.http.bodies import Memory
from stockroom.http.context import EXTENSION, RequestContext
from stockroom.http.security import BearerTokens, require_scopes
from stockroom.http.validation import MEMORY, CompiledValidation
from tests.contract.gates.facts import Fact


@dataclass(frozen=True)
class Claimant:
    """Whoever a token says it stands for."""

    subject: str
    scopes: frozenset[str]


def admit(operation: Operation, fact: Fact) -> dict[str, Any]:
    """The values that a handler gets. Raises the Problem that the request must be refused with.

    Any token with claims counts as good: a fact tells neither who signed it nor whether it was revoked.
    """
    path = parameters_of(operation, fact)
    fields = {name.encode(): value.encode("latin-1") for name, value in fact.headers.items()}
    context = RequestContext(request_id="", client="", fields=fields, operation=operation)
    scope: Scope = {
        "type": "http",
        "extensions": {EXTENSION: context},
        "headers": list(fields.items()),
        "path_params": {p.argument: path[p.name] for p in operation.parameters if p.where == "path"},
        "query_string": fact.query.encode("latin-1"),
    }
    if operation.scopes is not None:
        BearerTokens(claimant).get_fn({}, [])(SimpleNamespace(scope=scope))
    require_scopes(operation, context.principal)
    _run(CompiledValidation(operation, _let_in, Memory(MEMORY))(scope, _receiving(fact.body), _unanswered))
    return context.arguments


@lru_cache(maxsize=4096)
def claimant(token: str) -> Claimant | None:
    """Who a JWT claims to be for; None for what is no JWT with a subject and scopes."""
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return Claimant(claims["sub"], frozenset(claims["scope"].split()))
    except (ValueError, LookupError, TypeError, AttributeError, binascii.Error):
        return None


def parameters_of(operation: Operation, fact: Fact) -> dict[str, str]:
    """The texts of the parameters in the path, by name."""
    pairs = zip(operation.path.split("/"), fact.path.split("/"), strict=True)
    return {name.strip("{}"): text for name, text in pairs if name.startswith("{")}


def _receiving(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body}

    return receive


async def _let_in(scope: Scope, receive: Receive, send: Send) -> None:
    """Where the handler would be."""


async def _unanswered(message: Message) -> None:
    """Validation answers nothing itself: it raises."""


def _run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing, without the cost of an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("validation waited for something that is not in the fact")
