"""Rate limits of the contract, counted with Flask-Limiter's storage in moving windows."""

import asyncio
import math
import time
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple, cast

import structlog
from flask_limiter import Limiter
from limits.storage import MovingWindowSupport

from stockroom.contract.exchange import Exchange
from stockroom.contract.operations import RateLimit
from stockroom.contract.problems import Problem
from stockroom.contract.windows import WindowStorage

log = structlog.get_logger(__name__)

POLICY = "default"
RETRY_STORAGE = 5.0


class Standing(NamedTuple):
    """Where a caller stands: `remaining` requests, `reset` whole seconds until one more is free."""

    allowed: bool
    remaining: int
    reset: int


class Limits:
    """Counts requests. Without its storage (Redis) it counts in process and tries again in some seconds."""

    def __init__(self, limiter: Limiter, *, enforce: bool) -> None:
        self.enforce = enforce
        self.in_process = isinstance(limiter.storage, WindowStorage)
        self._remote = cast("MovingWindowSupport", limiter.storage)
        self._windows = limiter.storage if isinstance(limiter.storage, WindowStorage) else WindowStorage()
        self._retry_at = 0.0

    async def hold(self, exchange: Exchange, operation: str, rule: RateLimit) -> None:
        """Count a request, and tell its caller in headers. Raises Problem if it is one too many."""
        standing = await self.hit(rule, f"{operation}/{_caller(exchange, rule)}")
        exchange.headers += [
            (b"ratelimit-policy", f'"{POLICY}";q={rule.quota};w={rule.window}'.encode()),
            (b"ratelimit", f'"{POLICY}";r={standing.remaining};t={standing.reset}'.encode()),
        ]
        if not standing.allowed and self.enforce:
            raise Problem(
                "quota-exceeded",
                f"{rule.quota} requests in {rule.window} seconds are allowed here.",
                headers={"Retry-After": str(standing.reset)},
                members={"violated-policies": [POLICY]},
            )

    async def hit(self, rule: RateLimit, key: str) -> Standing:
        if self.in_process:
            return self._count(rule, key)
        # A storage on the network may be slow or frozen; the event loop must not be.
        return await asyncio.get_running_loop().run_in_executor(None, self._hit_remote, rule, key)

    def _hit_remote(self, rule: RateLimit, key: str) -> Standing:
        if time.monotonic() >= self._retry_at:
            try:
                return _count_remotely(self._remote, rule, key)
            except Exception as error:  # noqa: BLE001 -- whatever the storage's client raises, requests go on
                log.warning("limits.storage_away", error=repr(error))
                self._retry_at = time.monotonic() + RETRY_STORAGE
        return self._count(rule, key)

    def _count(self, rule: RateLimit, key: str) -> Standing:
        return _standing(rule, *self._windows.count(key, rule.quota, rule.window))


def _count_remotely(storage: MovingWindowSupport, rule: RateLimit, key: str) -> Standing:
    allowed = storage.acquire_entry(key, rule.quota, rule.window)
    start, used = storage.get_moving_window(key, rule.quota, rule.window)
    return _standing(rule, allowed, time.time() - start, used)


def _standing(rule: RateLimit, allowed: bool, age: float, used: int) -> Standing:
    """`age` is that of the window's first request, in seconds; `used` is how many it has."""
    reset = min(max(math.ceil(rule.window - age), 1), rule.window)
    return Standing(allowed, max(rule.quota - used, 0) if allowed else 0, reset)


def _caller(exchange: Exchange, rule: RateLimit) -> str:
    if rule.per == "user" and exchange.principal:
        return exchange.principal.subject
    return network_of(exchange.client)


@lru_cache(maxsize=1024)
def network_of(client: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has to himself."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return client
