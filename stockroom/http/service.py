"""The contract, its handlers and their dependencies put together into one ASGI application."""

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

from stockroom.activities.activities import Activities
from stockroom.contract.body_readers import Admit
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.contract.parsing import add_contract
from stockroom.http.admission import AdmissionMiddleware
from stockroom.http.binding import bind_handlers
from stockroom.http.breaker import PACE, Breaker
from stockroom.http.bridge import Bridge, RunOnLoop, run_at_once
from stockroom.http.cache import AnswerCache
from stockroom.http.dispatch import Dispatcher, Provider
from stockroom.http.drift import Drift
from stockroom.http.guard import Guard, ProblemFor
from stockroom.http.html import HtmlAnswers
from stockroom.http.idempotency import KeyStore
from stockroom.http.limits import Limits
from stockroom.http.observed import ObservedCache, ObservedGuard
from stockroom.http.observer import Observer, RequestObserver, Unobserved
from stockroom.http.rooms import COMMON_ROOM, Size
from stockroom.http.routing import RoutingMiddleware
from stockroom.http.security import Authenticate, BearerTokens
from stockroom.http.validation import ValidationMiddleware

Lifespan = Callable[[ASGIApp], AbstractAsyncContextManager[None]]


@dataclass(frozen=True)
class Dependencies:
    """What the runtime needs of the product and its configuration."""

    flask: Flask
    handlers: ModuleType
    constants: Mapping[str, object]
    providers: Mapping[str, Provider]
    authenticate: Authenticate
    keys: KeyStore
    problem_for: ProblemFor
    is_recorded: Callable[[Exception], bool]
    lifespan: Lifespan
    blocking: Collection[str] = ()
    """Constants and providers that block: whoever uses one runs in a thread."""
    run: RunOnLoop = run_at_once
    """Runs a handler that does not block on the event loop; others run while it waits."""
    redis_url: str | None = None
    enforce_limits: bool = True
    trusted_proxies: int = 0
    common_room: Size = field(default_factory=lambda: Size(places=16, share=8))
    rooms: Mapping[str, Size] = field(default_factory=dict)
    """Rooms of their own for those who use a constant of that name, lest others wait for them."""
    admit: Admit | None = None
    """Asked before a file is received: who may send how much."""
    drift_sample: float = 0.0
    observer: Observer | None = None
    """Counts what happens."""
    tracer: RequestObserver | None = None
    activities: Activities = field(default_factory=Activities)


def build_service(contract: Contract, dependencies: Dependencies) -> ASGIApp:
    """Raises ContractError when contract and handlers do not fit."""
    observer = dependencies.observer
    redis_url = dependencies.redis_url and _impatient(dependencies.redis_url)
    # One for both, who ask the same Redis.
    breaker = Breaker(dependencies.activities.standing("redis", PACE)) if redis_url else None
    handlers = bind_handlers(
        contract.document,
        contract.operations,
        dependencies.handlers,
        dependencies.constants,
        dependencies.providers,
        dependencies.blocking,
        dependencies.rooms,
    )
    dispatcher = Dispatcher(
        handlers,
        ObservedCache(dependencies.flask, redis_url, breaker, observer=observer)
        if observer
        else AnswerCache(dependencies.flask, redis_url, breaker),
        HtmlAnswers(dependencies.flask, contract.document, contract.operations.values()),
        dependencies.keys,
        dependencies.is_recorded,
    )
    limits = Limits(
        dependencies.flask, redis_url, breaker, enforce=dependencies.enforce_limits, observer=observer
    )
    bridge = Bridge(
        dispatcher, dependencies.run, {COMMON_ROOM: dependencies.common_room, **dependencies.rooms}
    )
    drift = (
        Drift(
            Conformance(contract),
            dependencies.drift_sample,
            observer or Unobserved(),
            dependencies.activities,
        )
        if dependencies.drift_sample
        else None
    )
    connexion = ConnexionMiddleware(
        bridge,
        import_name=__name__,
        lifespan=partial(_lifespan, dependencies.lifespan, bridge, drift),
        middlewares=[
            LifespanMiddleware,
            partial(RoutingMiddleware, routes=contract.routes),
            SecurityMiddleware,
            partial(AdmissionMiddleware, limits=limits),
            partial(ValidationMiddleware, operations=contract.operations, admit=dependencies.admit),
        ],
        security_map={"oauth2": partial(BearerTokens, dependencies.authenticate)},
    )
    add_contract(connexion, contract.document)
    outermost = (
        connexion,
        contract.catalogue,
        dependencies.problem_for,
        dependencies.trusted_proxies,
        drift,
    )
    observers = tuple(one for one in (observer, dependencies.tracer) if one)
    return ObservedGuard(*outermost, observers=observers) if observers else Guard(*outermost)


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
