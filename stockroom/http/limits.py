"""Rate limits of the contract, counted by Flask-Limiter's strategy: moving windows, in memory or in Redis."""

import math
import time
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.strategies import MovingWindowRateLimiter, RateLimiter

from stockroom.contract.operations import POLICY, RateLimit
from stockroom.contract.problems import Problem
from stockroom.http.addresses import network_of
from stockroom.http.breaker import Away, Breaker
from stockroom.http.context import RequestContext
from stockroom.http.moving_window import SCHEME, MovingWindowStorage
from stockroom.http.observer import Observer, Unobserved, tell


class Allowance(NamedTuple):
    """Where a caller stands: `remaining` requests, `reset` whole seconds until one more is free."""

    allowed: bool
    remaining: int
    reset: int


class Limits:
    """Counts requests. While its storage (Redis) is away it counts in process."""

    def __init__(
        self,
        flask: Flask,
        redis_url: str | None,
        breaker: Breaker | None = None,
        *,
        enforce: bool,
        observer: Observer | None = None,
    ) -> None:
        extension = Limiter(
            get_remote_address,
            # Its hooks would see only requests that passed security and validation; Flask is asked for none.
            app=flask,
            storage_uri=redis_url or f"{SCHEME}://",
            strategy="moving-window",
        )
        self._limiter = extension.limiter
        self._in_process = MovingWindowRateLimiter(MovingWindowStorage()) if redis_url else self._limiter
        self._breaker = breaker or Breaker()
        self._enforce = enforce
        self._observer = observer or Unobserved()

    async def hold(self, context: RequestContext, operation: str, rule: RateLimit) -> None:
        """Count a request, and tell its caller in headers. Raises Problem if it is one too many."""
        key = f"{operation}/{_caller(context, rule)}"
        allowance = await self._count(rule, key)
        told = f'"{POLICY}";r={allowance.remaining};t={allowance.reset}'
        context.headers += [rule.header, (b"ratelimit", told.encode())]
        if not allowance.allowed:
            tell(self._observer.limited, operation)
            if self._enforce:
                raise _exceeded(rule, allowance)

    async def _count(self, rule: RateLimit, key: str) -> Allowance:
        if self._limiter is not self._in_process:
            with suppress(Away):
                return await self._breaker.ask(partial(_count, self._limiter, rule, key))
        return _count(self._in_process, rule, key)


def _count(limiter: RateLimiter, rule: RateLimit, key: str) -> Allowance:
    allowed = limiter.hit(rule.item, key)
    frees_at, remaining = limiter.get_window_stats(rule.item, key)
    reset = min(max(math.ceil(frees_at - time.time()), 1), rule.window)
    return Allowance(allowed, max(remaining, 0) if allowed else 0, reset)


def _exceeded(rule: RateLimit, allowance: Allowance) -> Problem:
    return Problem(
        "quota-exceeded",
        f"{rule.quota} requests in {rule.window} seconds are allowed here.",
        headers={"Retry-After": str(allowance.reset)},
        members={"violated-policies": [POLICY]},
    )


def _caller(context: RequestContext, rule: RateLimit) -> str:
    if rule.per == "user" and context.principal:
        return context.principal.subject
    return network_of(context.client)
