"""Answers kept as `x-cache` says, through Flask-Caching, in JSON: a pickle in a shared cache can run code."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

import orjson
from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching import Cache
from flask_caching.backends.base import BaseCache

from stockroom.contract.operations import IF_NONE_MATCH, CachePolicy, Operation
from stockroom.http.breaker import Answer, Away, Breaker
from stockroom.http.context import RequestContext
from stockroom.http.replies import Reply

_VERSION = "version"


class JsonSerializer(BaseSerializer):
    """JSON in and out, for what others can write too; what is no JSON counts as not there."""

    def dumps(self, value: Any, protocol: int = 0) -> bytes:
        return orjson.dumps(value)

    def loads(self, value: bytes) -> Any:
        try:
            return orjson.loads(value)
        except ValueError:
            return None


def open_backend(flask: Flask, redis_url: str | None, prefix: str) -> BaseCache:
    """Flask-Caching's backend in Redis, or in this process where there is no URL."""
    config = {
        "CACHE_TYPE": "RedisCache" if redis_url else "SimpleCache",
        "CACHE_KEY_PREFIX": prefix,
        "CACHE_REDIS_URL": redis_url,
        "CACHE_SERIALIZER": JsonSerializer,
    }
    # Once: Cache itself looks it up at each call, by the application that is at work.
    with flask.app_context():
        return Cache(flask, config=config).cache


class CachePlace(NamedTuple):
    """Where an answer is kept, and which version of what is stored it speaks of."""

    key: str
    version: int


class AnswerCache:
    """Answers by operation, arguments and what of the caller `vary` names; each is good for one version.

    While Redis is away nothing is kept, and nothing can be forgotten there. So all answers are forgotten
    before anything else is asked of it again. Until then another process may find them, as old as `x-cache`
    allows.
    """

    def __init__(
        self,
        flask: Flask,
        redis_url: str | None,
        breaker: Breaker | None = None,
        *,
        prefix: str = "stockroom:",
    ) -> None:
        self._cache = open_backend(flask, redis_url, prefix)
        self._in_memory = redis_url is None
        self._breaker = breaker or Breaker()
        self._owes_forgetting = False

    async def get(
        self, operation: Operation, policy: CachePolicy, context: RequestContext
    ) -> tuple[CachePlace | None, Reply | None]:
        """The place of the answer, and the answer if it is there. A cache that is away has no place."""
        key = _key(operation, policy, context)
        try:
            version, kept = await self._ask(partial(self._cache.get_many, _VERSION, key))
        except Away:
            return None, None
        place = CachePlace(key, version or 0)
        return place, _reply(kept, place.version)

    async def put(self, place: CachePlace, policy: CachePolicy, reply: Reply) -> None:
        kept = asdict(reply) | {"headers": dict(reply.headers), "body": reply.body.decode()}
        with suppress(Away):
            await self._ask(
                partial(self._cache.set, place.key, kept | {"version": place.version}, policy.seconds)
            )

    async def forget_all(self) -> None:
        """Have all answers made anew: something they may speak of was changed."""
        if self._in_memory:
            # As `_ask` would, but each write comes here.
            self._forget()
            return
        with suppress(Away):
            await self._ask(self._forget)

    async def _ask(self, call: Callable[[], Answer]) -> Answer:
        """Raises Away."""
        if self._in_memory:
            return call()
        try:
            return await self._breaker.ask(partial(self._forget_and, call))
        except Away:
            self._owes_forgetting = True
            raise

    def _forget_and(self, call: Callable[[], Answer]) -> Answer:
        if self._owes_forgetting:
            # Before, lest a write be overlooked that cannot have its answers forgotten meanwhile.
            self._owes_forgetting = False
            self._forget()
        return call()

    def _forget(self) -> None:
        # A time instead of a count: two writers that race both leave a version that was not there before.
        self._cache.set(_VERSION, time.time_ns(), 0)


def _reply(kept: Any, version: Any) -> Reply | None:
    """The reply that is kept, if it is one of ours and good for this version."""
    try:
        if kept["version"] == version:
            return Reply(kept["status"], kept["headers"], kept["body"].encode())
    except (TypeError, KeyError, AttributeError):
        # There is none, or another has written there.
        pass
    return None


def _key(operation: Operation, policy: CachePolicy, context: RequestContext) -> str:
    principal = context.principal
    callers: Mapping[str, Any] = {
        "role": principal and sorted(principal.scopes),
        "user": principal and principal.subject,
    }
    arguments = {name: value for name, value in context.arguments.items() if name != IF_NONE_MATCH}
    parts = [operation.id, [callers[kind] for kind in policy.vary], arguments]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()
