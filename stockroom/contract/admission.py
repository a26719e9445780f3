"""Admission: a request is counted, and its caller's scopes are held against the operation's."""

from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from stockroom.contract.exchange import exchange_of
from stockroom.contract.limits import Limits
from stockroom.contract.operations import Operation
from stockroom.contract.security import require_scopes


class AdmissionMiddleware:
    """Stands behind Connexion's SecurityMiddleware: the caller is known where the operation asks for a token.

    Whoever lacks a scope has been counted.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        operation = cast("Operation", exchange.operation)  # It has been routed.
        if operation.rate_limit:
            await self._limits.hold(exchange, operation.id, operation.rate_limit)
        require_scopes(operation, exchange.principal)
        await self.app(scope, receive, send)
