"""Admission: a request is counted, and its caller's scopes are held against the operation's."""

from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from stockroom.contract.operations import Operation
from stockroom.http.context import context_of
from stockroom.http.limits import Limits
from stockroom.http.security import require_scopes


class AdmissionMiddleware:
    """Stands behind Connexion's SecurityMiddleware: the caller is known where the operation asks for a token.

    Whoever lacks a scope has been counted.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        operation = cast("Operation", context.operation)  # It has been routed.
        if operation.rate_limit:
            await self._limits.hold(context, operation.id, operation.rate_limit)
        require_scopes(operation, context.principal)
        await self.app(scope, receive, send)
