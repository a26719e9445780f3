"""Connexion's routing seam, compiled: a request's operation is looked up, and told to the layers after."""

from typing import Any

from connexion.middleware.abstract import ROUTING_CONTEXT, SpecMiddleware
from connexion.spec import Specification
from starlette.types import ASGIApp, Receive, Scope, Send

from stockroom.contract.exchange import exchange_of
from stockroom.contract.operations import Operation
from stockroom.contract.problems import Problem
from stockroom.contract.routes import Routes


class RoutingMiddleware(SpecMiddleware):  # type: ignore[misc]  # Connexion is not typed
    """Takes the place of Connexion's own, whose routes are tried one after the other."""

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self.app = app
        self._routes = routes

    def add_api(self, specification: Specification, **options: Any) -> None:
        self._base_path = specification.base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            operation = self._routed(scope)
            exchange_of(scope).operation = operation
            scope["extensions"][ROUTING_CONTEXT] = {
                "api_base_path": self._base_path,
                "operation_id": operation.id,
            }
        await self.app(scope, receive, send)

    def _routed(self, scope: Scope) -> Operation:
        """The operation of a request; the parameters in its path are put into `scope`. Raises Problem."""
        found = self._routes.find(scope["path"])
        if found is None:
            raise Problem("not-found", "Nothing is at this path.")
        route, segments = found
        operation = route.operation(scope["method"])
        if operation is None:
            allow = ", ".join(self._routes.methods_at(scope["path"]))
            raise Problem("method-not-allowed", f"Here are {allow}.", headers={"Allow": allow})
        scope["path_params"] = {name: segments[place] for name, place in route.parameters.items()}
        return operation
