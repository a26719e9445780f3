"""Connexion's security seam, compiled: an operation's limit, its security schemes and its scopes."""

from collections.abc import Mapping
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.middleware.security import SecurityAPI, SecurityOperation
from connexion.operations import AbstractOperation
from starlette.types import Receive, Scope, Send

from stockroom.contract.exchange import exchange_of
from stockroom.contract.limits import Limits
from stockroom.contract.operations import Operation
from stockroom.contract.routing import OperationMiddleware
from stockroom.contract.security import require_scopes


class _Request(ConnexionRequest):  # type: ignore[misc]  # Connexion is not typed
    """A request of which only the scope is read, so that Starlette need not make one."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._context = None


class Admission(SecurityOperation):  # type: ignore[misc]  # see above
    """Lets requests of one operation in.

    Addresses are held against a limit before security, users after it, and scopes come last: whoever is
    refused has been counted.
    """

    operation: Operation
    limits: Limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange, rule = exchange_of(scope), self.operation.rate_limit
        if rule and rule.per == "ip":
            await self.limits.hold(exchange, self.operation.id, rule)
        if self.security:
            await self.verification_fn(_Request(scope))
        if rule and rule.per == "user":
            await self.limits.hold(exchange, self.operation.id, rule)
        require_scopes(self.operation, exchange.principal)
        await self.next_app(scope, receive, send)


class AdmissionAPI(SecurityAPI):  # type: ignore[misc]  # see above
    """Connexion makes one of these per contract and asks it for each operation's admission."""

    def __init__(
        self, *args: Any, operations: Mapping[str, Operation], limits: Limits, **kwargs: Any
    ) -> None:
        self._operations = operations
        self._limits = limits
        super().__init__(*args, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> Admission:
        admission: Admission = Admission.from_operation(
            operation, next_app=self.next_app, security_handler_factory=self.security_handler_factory
        )
        admission.operation, admission.limits = self._operations[operation.operation_id], self._limits
        return admission


class AdmissionMiddleware(OperationMiddleware):
    api_cls = AdmissionAPI
