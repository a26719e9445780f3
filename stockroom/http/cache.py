"""Answers kept as `x-cache` says, through Flask-Caching, in JSON: a pickle in a shared cache can run code."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import orjson
import structlog
from cachelib.serializers import BaseSerializer
from flask import Flask
from flask_caching import Cache
from flask_caching.backends.base import BaseCache

from stockroom.contract.operations import IF_NONE_MATCH, CachePolicy, Operation
from stockroom.http.context import RequestContext
from stockroom.http.replies import Reply

log = structlog.get_logger(__name__)

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
    """Answers by operation, arguments and what of the caller `vary` names; each is good for one version."""

    def __init__(self, flask: Flask, redis_url: str | None, prefix: str = "stockroom:") -> None:
        self._cache = open_backend(flask, redis_url, prefix)
        self._in_memory = redis_url is None

    async def get(
        self, operation: Operation, policy: CachePolicy, context: RequestContext
    ) -> tuple[CachePlace | None, Reply | None]:
        """The place of the answer, and the answer if it is there. A cache that is away has no place."""
        key = _key(operation, policy, context)
        if self._in_memory:
            return self._look_up(key)
        return await asyncio.to_thread(self._look_up, key)

    async def put(self, place: CachePlace, policy: CachePolicy, reply: Reply) -> None:
        kept = asdict(reply) | {"headers": dict(reply.headers), "body": reply.body.decode()}
        await self._set(place.key, kept | {"version": place.version}, policy.seconds)

    async def forget_all(self) -> None:
        """Have all answers made anew: something they may speak of was changed."""
        # A time instead of a count: two writers that race both leave a version that was not there before.
        await self._set(_VERSION, time.time_ns(), 0)

    def _look_up(self, key: str) -> tuple[CachePlace | None, Reply | None]:
        try:
            version, kept = self._cache.get_many(_VERSION, key)
            place = CachePlace(key, version or 0)
            if not kept or kept["version"] != place.version:
                return place, None
            return place, Reply(kept["status"], kept["headers"], kept["body"].encode())
        except Exception as error:  # noqa: BLE001 -- a cache that is away must not fail a request
            log.warning("cache.away", error=repr(error))
            return None, None

    async def _set(self, key: str, value: Any, seconds: int) -> None:
        if self._in_memory:
            self._write(key, value, seconds)
        else:
            # Redis may be slow or frozen; the event loop must not be.
            await asyncio.to_thread(self._write, key, value, seconds)

    def _write(self, key: str, value: Any, seconds: int) -> None:
        try:
            self._cache.set(key, value, timeout=seconds)
        except Exception as error:  # noqa: BLE001 -- see above
            log.warning("cache.away", error=repr(error))


def _key(operation: Operation, policy: CachePolicy, context: RequestContext) -> str:
    principal = context.principal
    callers: Mapping[str, Any] = {
        "role": principal and sorted(principal.scopes),
        "user": principal and principal.subject,
    }
    arguments = {name: value for name, value in context.arguments.items() if name != IF_NONE_MATCH}
    parts = [operation.id, [callers[kind] for kind in policy.vary], arguments]
    return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()
