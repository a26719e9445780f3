"""Connexion gets the whole contract, and what it makes of it is what the runtime does."""

import asyncio
from copy import deepcopy
from typing import Any

import pytest
from connexion import ConnexionMiddleware
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.middleware.routing import RoutingMiddleware
from connexion.middleware.security import SecurityMiddleware
from starlette.types import Message, Receive, Scope, Send

from stockroom.contract.contract import Contract
from stockroom.contract.parsing import add_contract
from stockroom.http.routing import CONNEXION
from tests.contract.asgi import scope_of


@pytest.fixture(scope="module")
def route(contract: Contract) -> Any:
    """What Connexion's own routing tells its other layers of a request."""
    told: list[dict[str, Any]] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        told.append(scope["extensions"][CONNEXION])

    connexion = ConnexionMiddleware(application, middlewares=[LifespanMiddleware, RoutingMiddleware])
    before = deepcopy(contract.document.raw)
    add_contract(connexion, contract.document)
    assert contract.document.raw == before

    def route(method: str, path: str) -> dict[str, Any]:
        scope = scope_of(method, path) | {"extensions": {}}
        asyncio.run(connexion(scope, None, None))  # type: ignore[arg-type]  # nothing is read or sent
        return told.pop()

    return route


def test_connexions_own_routes_lead_to_the_same_operations(contract: Contract, route: Any) -> None:
    """In the same words, in which its SecurityMiddleware reads them."""
    for operation in contract.operations.values():
        path = operation.path.replace("/{id}", "/7").replace("{", "").replace("}", "")
        assert route(operation.method, path) == {"api_base_path": "", "operation_id": operation.id}
        found = contract.routes.find(path)
        assert found
        assert found[0].operation(operation.method) is operation


def test_connexion_lets_nobody_in_whom_routing_has_told_nothing_of(contract: Contract) -> None:
    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("nobody was to get here")

    async def send(message: Message) -> None:
        raise AssertionError("nobody was to be answered")

    connexion = ConnexionMiddleware(application, middlewares=[SecurityMiddleware])
    add_contract(connexion, contract.document)
    scope = scope_of("GET", "/summary") | {"extensions": {}}
    with pytest.raises(Exception, match="Could not find routing information"):
        asyncio.run(connexion(scope, None, send))  # type: ignore[arg-type]  # nothing is read
