"""Rate limits of the contract, counted by Flask-Limiter's strategy: moving windows, in memory or in Redis."""

import asyncio
import math
import time
from typing import NamedTuple

import structlog
from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from stockroom.contract.operations import POLICY, RateLimit
from stockroom.contract.problems import Problem
from stockroom.http.addresses import network_of
from stockroom.http.context import RequestContext
from stockroom.http.moving_window import SCHEME, MovingWindowStorage

log = structlog.get_logger(__name__)

RETRY_STORAGE = 5.0


class Allowance(NamedTuple):
    """Where a caller stands: `remaining` requests, `reset` whole seconds until one more is free."""

    allowed: bool
    remaining: int
    reset: int


class Limits:
    """Counts requests. Without its storage (Redis) it counts in process and tries again in some seconds."""

    def __init__(self, flask: Flask, redis_url: str | None, *, enforce: bool) -> None:
        extension = Limiter(
            get_remote_address,
            # Its hooks would see only requests that passed security and validation; Flask is asked for none.
            app=flask,
            storage_uri=redis_url or f"{SCHEME}://",
            strategy="moving-window",
        )
        self._limiter = extension.limiter
        self._in_process = MovingWindowRateLimiter(MovingWindowStorage()) if redis_url else self._limiter
        self._enforce = enforce
        self._retry_at = 0.0

    async def hold(self, context: RequestContext, operation: str, rule: RateLimit) -> None:
        """Count a request, and tell its caller in headers. Raises Problem if it is one too many."""
        key = f"{operation}/{_caller(context, rule)}"
        if self._limiter is self._in_process:
            allowance = _count(self._limiter, rule, key)
        else:
            # A storage on the network may be slow or frozen; the event loop must not be.
            allowance = await asyncio.to_thread(self._count_remotely, rule, key)
        told = f'"{POLICY}";r={allowance.remaining};t={allowance.reset}'
        context.headers += [rule.header, (b"ratelimit", told.encode())]
        if not allowance.allowed and self._enforce:
            raise Problem(
                "quota-exceeded",
                f"{rule.quota} requests in {rule.window} seconds are allowed here.",
                headers={"Retry-After": str(allowance.reset)},
                members={"violated-policies": [POLICY]},
            )

    def _count_remotely(self, rule: RateLimit, key: str) -> Allowance:
        if time.monotonic() >= self._retry_at:
            try:
                return _count(self._limiter, rule, key)
            except Exception as error:  # noqa: BLE001 -- whatever the storage's client raises, requests go on
                log.warning("limits.storage_away", error=repr(error))
                self._retry_at = time.monotonic() + RETRY_STORAGE
        return _count(self._in_process, rule, key)


def _count(limiter: RateLimiter, rule: RateLimit, key: str) -> Allowance:
    allowed = limiter.hit(rule.item, key)
    frees_at, remaining = limiter.get_window_stats(rule.item, key)
    reset = min(max(math.ceil(frees_at - time.time()), 1), rule.window)
    return Allowance(allowed, max(remaining, 0) if allowed else 0, reset)


def _caller(context: RequestContext, rule: RateLimit) -> str:
    if rule.per == "user" and context.principal:
        return context.principal.subject
    return network_of(context.client)
