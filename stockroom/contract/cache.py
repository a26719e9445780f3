"""Answers kept as `x-cache` says, through Flask-Caching, in JSON: a pickle in a shared cache can run code."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson
import structlog
from cachelib.serializers import BaseSerializer
from flask_caching import Cache
from flask_caching.backends.rediscache import RedisCache
from flask_caching.backends.simplecache import SimpleCache

from stockroom.contract.exchange import Exchange
from stockroom.contract.operations import IF_NONE_MATCH, CachePolicy, Operation
from stockroom.contract.replies import Reply

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


class JsonRedisCache(RedisCache):
    serializer = JsonSerializer()  # type: ignore[assignment]  # cachelib declares its own class, not the base


class Unserialized(BaseSerializer):
    """Values as they are: nobody else reaches them, and nobody changes them."""

    def dumps(self, value: Any, protocol: int = 0) -> Any:
        return value

    def loads(self, value: Any) -> Any:
        return value


class MemoryCache(SimpleCache):
    serializer = Unserialized()  # type: ignore[assignment]  # cachelib declares its own class, not the base


class AnswerCache:
    """Answers by operation, arguments, version of what is stored, and what of the caller `vary` names."""

    def __init__(self, cache: Cache) -> None:
        # Cache itself would look for the application that is being served, at each call.
        self._cache = cache.cache
        self.in_memory = isinstance(self._cache, MemoryCache)

    def get(self, operation: Operation, policy: CachePolicy, exchange: Exchange) -> tuple[str, Reply | None]:
        """The key of the answer, and the answer if it is there."""
        try:
            key = self._key(operation, policy, exchange, self._cache.get(_VERSION) or 0)
            kept = self._cache.get(key)
            return key, Reply(kept["status"], kept["headers"], kept["body"].encode()) if kept else None
        except Exception as error:  # noqa: BLE001 -- a cache that is away must not fail a call
            log.warning("cache.away", error=repr(error))
            return "", None

    def put(self, key: str, policy: CachePolicy, reply: Reply) -> None:
        kept = asdict(reply) | {"headers": dict(reply.headers), "body": reply.body.decode()}
        self._quietly(self._cache.set, key, kept, timeout=policy.seconds)

    def forget_all(self) -> None:
        """Have all answers made anew: something they may speak of was changed."""
        # A time instead of a count: two writers that race both leave a version that was not there before.
        self._quietly(self._cache.set, _VERSION, time.time_ns(), timeout=0)

    @staticmethod
    def _key(operation: Operation, policy: CachePolicy, exchange: Exchange, version: int) -> str:
        principal = exchange.principal
        callers: Mapping[str, Any] = {
            "role": principal and sorted(principal.scopes),
            "user": principal and principal.subject,
        }
        arguments = {name: value for name, value in exchange.arguments.items() if name != IF_NONE_MATCH}
        parts = [operation.id, version, [callers[kind] for kind in policy.vary], arguments]
        return orjson.dumps(parts, option=orjson.OPT_SORT_KEYS).decode()

    @staticmethod
    def _quietly(call: Any, *args: Any, **kwargs: Any) -> None:
        try:
            call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 -- a cache that is away must not fail a call
            log.warning("cache.away", error=repr(error))
