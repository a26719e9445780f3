"""Connexion's routing seam, compiled: a request's operation is looked up once, for all layers after.

Middlewares here only pass on, so that they are functions: each coroutine would be gone through again whenever
the request has waited.
"""

from collections.abc import Awaitable
from typing import Any

from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware, SpecMiddleware
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
        """Nothing is left to be done: `routes` are those of the contract."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        exchange_of(scope).operation = self._routed(scope)
        return self.app(scope, receive, send)

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


class OperationMiddleware(RoutedMiddleware):  # type: ignore[misc]  # Connexion is not typed
    """Goes on with what `api_cls` has made of the operation. There is one contract."""

    def add_api(self, specification: Specification, **options: Any) -> RoutedAPI:
        api = super().add_api(specification, **options)
        self._operations = api.operations
        return api

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        operation: ASGIApp = self._operations[exchange_of(scope).operation.id]  # type: ignore[union-attr]  # routed
        return operation(scope, receive, send)
