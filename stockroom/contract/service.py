"""The contract, its handlers and their surroundings put together into one ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

from connexion import ConnexionMiddleware
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.middleware.security import SecurityMiddleware
from flask import Flask
from starlette.types import ASGIApp

from stockroom.contract.admission import AdmissionMiddleware
from stockroom.contract.binding import bind_handlers
from stockroom.contract.bridge import Bridge, Run, run_at_once
from stockroom.contract.cache import AnswerCache
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.contract.dispatch import Dispatcher, Provider
from stockroom.contract.drift import Drift, Observer, Unobserved
from stockroom.contract.guard import Guard
from stockroom.contract.html import HtmlAnswers
from stockroom.contract.idempotency import KeyStore
from stockroom.contract.limits import Limits
from stockroom.contract.parsing import add_contract
from stockroom.contract.problems import Problem
from stockroom.contract.rooms import COMMON, Size
from stockroom.contract.routing import RoutingMiddleware
from stockroom.contract.security import Authenticate, BearerTokens
from stockroom.contract.validation import ValidationMiddleware

Lifespan = Callable[[ASGIApp], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Surroundings:
    """What the runtime needs of the product and its configuration."""

    flask: Flask
    handlers: ModuleType
    constants: Mapping[str, object]
    providers: Mapping[str, Provider]
    authenticate: Authenticate
    keys: KeyStore
    explain: Callable[[Exception], Problem | None]
    is_recorded: Callable[[Exception], bool]
    lifespan: Lifespan
    blocking: Collection[str] = ()
    """Constants and providers that block: whoever uses one runs in a thread."""
    run: Run = run_at_once
    """Runs a handler that does not block on the event loop; others run while it waits."""
    redis_url: str | None = None
    enforce_limits: bool = True
    trusted_proxies: int = 0
    common_room: Size = field(default_factory=lambda: Size(places=16, share=8))
    rooms: Mapping[str, Size] = field(default_factory=dict)
    """Rooms of their own for those who use a constant of that name, lest others wait for them."""
    drift_sample: float = 0.0
    observer: Observer = field(default_factory=Unobserved)


def build_service(contract: Contract, around: Surroundings) -> ASGIApp:
    """Raises ContractError when contract and handlers do not fit."""
    redis_url = around.redis_url and _impatient(around.redis_url)
    handlers = bind_handlers(
        contract.document,
        contract.operations,
        around.handlers,
        around.constants,
        around.providers,
        around.blocking,
        around.rooms,
    )
    dispatcher = Dispatcher(
        handlers,
        AnswerCache(around.flask, redis_url),
        HtmlAnswers(around.flask, contract.document, contract.operations.values()),
        around.keys,
        around.is_recorded,
    )
    limits = Limits(around.flask, redis_url, enforce=around.enforce_limits)
    bridge = Bridge(dispatcher, around.run, {COMMON: around.common_room, **around.rooms})
    drift = (
        Drift(Conformance(contract), around.drift_sample, around.observer) if around.drift_sample else None
    )
    connexion = ConnexionMiddleware(
        bridge,
        import_name=__name__,
        lifespan=partial(_lifespan, around.lifespan, bridge, drift),
        middlewares=[
            LifespanMiddleware,
            partial(RoutingMiddleware, routes=contract.routes),
            SecurityMiddleware,
            partial(AdmissionMiddleware, limits=limits),
            partial(ValidationMiddleware, operations=contract.operations),
        ],
        security_map={"oauth2": partial(BearerTokens, around.authenticate)},
    )
    add_contract(connexion, contract.document)
    return Guard(connexion, contract.catalogue, around.explain, around.trusted_proxies, drift)


@asynccontextmanager
async def _lifespan(
    product: Lifespan, bridge: Bridge, drift: Drift | None, app: ASGIApp
) -> AsyncIterator[None]:
    async with product(app):
        try:
            yield
        finally:
            # In a thread: those under way may need the loop to come to their end.
            await asyncio.to_thread(bridge.close)
            if drift:
                drift.close()


def _impatient(redis_url: str) -> str:
    """The URL with timeouts of 250 ms: a frozen Redis would hold every request for as long as TCP likes."""
    return f"{redis_url}{'&' if '?' in redis_url else '?'}socket_timeout=0.25&socket_connect_timeout=0.25"
