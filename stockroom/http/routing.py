"""Routing: a request's operation is looked up once, for all layers after.

This stands where Connexion's RoutingMiddleware does, and tells Connexion's other layers what that would have
told them. It is a function that passes on: a coroutine would be gone through again whenever the request has
waited.
"""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send

from stockroom.contract.operations import Operation
from stockroom.contract.problems import Problem
from stockroom.contract.routes import Routes
from stockroom.http.context import context_of

# Those that a contract can name, some of them only from OpenAPI 3.2 on, and CONNECT.
METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
CONNEXION = "connexion_routing"
"""Where Connexion's layers look for the operation of a request, in `scope["extensions"]`."""


class RoutingMiddleware:
    """Routes by an index of the contract's paths; Connexion's router tries its routes one after the other."""

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self.app = app
        self._routes = routes

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        operation = context_of(scope).operation = self._routed(scope)
        scope["extensions"][CONNEXION] = {"api_base_path": "", "operation_id": operation.id}
        return self.app(scope, receive, send)

    def _routed(self, scope: Scope) -> Operation:
        """The operation of a request; the parameters in its path are put into `scope`. Raises Problem."""
        found = self._routes.find(scope["path"])
        if found is None:
            raise _unknown(scope) or Problem("not-found", "Nothing is at this path.")
        route, segments = found
        operation = route.operation(scope["method"])
        if operation is None:
            allow = ", ".join(self._routes.methods_at(scope["path"]))
            raise _unknown(scope) or Problem(
                "method-not-allowed", f"Here are {allow}.", headers={"Allow": allow}
            )
        scope["path_params"] = {name: segments[place] for name, place in route.parameters.items()}
        return operation


def _unknown(scope: Scope) -> Problem | None:
    """RFC 9110, 15.6.2: what is done nowhere, whatever the path."""
    if scope["method"] in METHODS:
        return None
    return Problem("unknown-method", "The method is not known here.")
