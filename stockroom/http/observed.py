"""Guard and cache as they are where somebody looks on. Where nobody does, no request pays for it."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from flask import Flask
from starlette.types import Receive, Scope, Send

from stockroom.contract.operations import CachePolicy, Operation
from stockroom.http.breaker import Breaker
from stockroom.http.cache import AnswerCache, CachePlace
from stockroom.http.context import RequestContext
from stockroom.http.guard import Guard
from stockroom.http.observer import Lookup, Observer, RequestObserver, tell
from stockroom.http.replies import Reply


@dataclass(frozen=True)
class ObservedGuard(Guard):
    """Has observers see each request."""

    observers: tuple[RequestObserver, ...] = ()

    def _answer(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        for observer in self.observers:
            tell(observer.begun, scope)
        # Passed on: a coroutine more would be gone through again whenever the request has waited.
        return super()._answer(scope, receive, send)

    def _log(self, scope: Scope, context: RequestContext, status: int) -> None:
        super()._log(scope, context, status)
        for observer in self.observers:
            tell(observer.ended, context, status)


class ObservedCache(AnswerCache):
    """Has an observer see each look into the cache."""

    def __init__(
        self, flask: Flask, redis_url: str | None, breaker: Breaker | None = None, *, observer: Observer
    ) -> None:
        super().__init__(flask, redis_url, breaker)
        self._observer = observer

    async def get(
        self, operation: Operation, policy: CachePolicy, context: RequestContext
    ) -> tuple[CachePlace | None, Reply | None]:
        place, kept = await super().get(operation, policy, context)
        lookup: Lookup = "away" if place is None else "hit" if kept else "miss"
        tell(self._observer.looked_up, operation.id, lookup)
        return place, kept
