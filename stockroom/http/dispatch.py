"""From a validated request to its reply, with transaction, cache and idempotency key around the handler."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from stockroom.contract.operations import IF_NONE_MATCH, Operation
from stockroom.http.cache import AnswerCache
from stockroom.http.conditional import conditional
from stockroom.http.context import RequestContext
from stockroom.http.html import HtmlAnswers
from stockroom.http.idempotency import IdempotencyKey, InFlight, Kept, KeyStore, KeyTaken, key_of, replay
from stockroom.http.replies import Reply, render

# Makes a dependency that lives as long as one request: entered before the handler, left after it.
Provider = Callable[[RequestContext], AbstractContextManager[Any]]
WORK = "work"


@dataclass(frozen=True)
class BoundHandler:
    """A handler with its constant dependencies bound; `scoped` are made anew for each request.

    One that `blocks` needs a thread; `on_loop` is a coroutine. `room` is where it works.
    """

    operation: Operation
    call: Callable[..., Any]
    arguments: tuple[str, ...]
    scoped: tuple[tuple[str, Provider], ...]
    on_loop: bool
    blocks: bool
    room: str
    invalidates: bool


@dataclass(frozen=True)
class Dispatcher:
    """Runs handlers. `is_recorded` tells refusals whose effects stay."""

    handlers: Mapping[str, BoundHandler]
    cache: AnswerCache
    html: HtmlAnswers
    keys: KeyStore
    is_recorded: Callable[[Exception], bool]
    in_flight: InFlight = field(default_factory=InFlight)

    def reply(self, handler: BoundHandler, context: RequestContext) -> Reply:
        """The reply to a validated request. Raises what the handler raises, and Problem."""
        return self._once(handler, context)

    async def settle(self, handler: BoundHandler, context: RequestContext, reply: Reply) -> None:
        """Keep the reply if `x-cache` says so; forget what is kept if it may speak of what was changed."""
        if context.cache_place and handler.operation.cache:
            await self.cache.put(context.cache_place, handler.operation.cache, reply)
        if handler.invalidates:
            await self.cache.forget_all()

    async def reply_on_loop(self, handler: BoundHandler, context: RequestContext) -> Reply:
        """The same for a handler that is a coroutine: it has no transaction and takes no thread."""
        result = await handler.call(**self._values(handler, context))
        if handler.operation.is_negotiated:
            result = self.html.chosen(handler.operation, context, result)
        return conditional(render(handler.operation, result), context.arguments)

    async def kept(self, handler: BoundHandler, context: RequestContext) -> Reply | None:
        """The reply that `x-cache` keeps, if it is there; where it is to be kept is noted in `context`."""
        policy = handler.operation.cache
        if policy is None:
            return None
        context.cache_place, kept = await self.cache.get(handler.operation, policy, context)
        return kept and conditional(kept, context.arguments)

    def handler(self, context: RequestContext) -> BoundHandler:
        """What answers a request that went through all layers. Raises PermissionError for any other."""
        operation, principal = context.validated, context.principal
        # Whatever way a request may find here some day, it does not get round validation, tokens and scopes.
        if operation is None or operation is not context.operation:
            raise PermissionError("the request was not validated")
        if operation.scopes is not None and not (principal and operation.scopes <= principal.scopes):
            raise PermissionError(f"{operation.id} was routed to, but not authorized")
        return self.handlers[operation.id]

    def _once(self, handler: BoundHandler, context: RequestContext) -> Reply:
        key = key_of(handler.operation, context)
        if key is None:
            return self._run(handler, context, None)
        with self.in_flight.hold(key):
            kept = self.keys.find(key)
            if kept is None:
                try:
                    return self._run(handler, context, key)
                except KeyTaken:
                    kept = self.keys.find(key)
            return replay(kept, key)

    def _run(self, handler: BoundHandler, context: RequestContext, key: IdempotencyKey | None) -> Reply:
        outcome = self._within(handler.scoped, handler, context, key, self._values(handler, context))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _within(
        self,
        scoped: Sequence[tuple[str, Provider]],
        handler: BoundHandler,
        context: RequestContext,
        key: IdempotencyKey | None,
        values: dict[str, Any],
    ) -> Reply | Exception:
        """Call the handler within its scoped dependencies; an ExitStack takes several times as long."""
        if not scoped:
            return self._outcome(handler, context, key, values)
        name, provide = scoped[0]
        with provide(context) as values[name]:
            return self._within(scoped[1:], handler, context, key, values)

    def _outcome(
        self,
        handler: BoundHandler,
        context: RequestContext,
        key: IdempotencyKey | None,
        values: dict[str, Any],
    ) -> Reply | Exception:
        """The reply, or a refusal whose effects stay. Raises any other."""
        try:
            result = handler.call(**values)
        except Exception as error:  # Any: the product says which of its own are recorded, and the rest go on.
            if not self.is_recorded(error):
                raise
            return error
        if handler.operation.is_negotiated:
            result = self.html.chosen(handler.operation, context, result)
        # What is kept has its body, whoever asked first.
        known = None if handler.operation.cache else context.arguments.get(IF_NONE_MATCH)
        reply = render(handler.operation, result, known)
        if key:
            kept = Kept(key.fingerprint, reply.status, dict(reply.headers), reply.body)
            self.keys.save(values[WORK], key, kept)
        return reply

    @staticmethod
    def _values(handler: BoundHandler, context: RequestContext) -> dict[str, Any]:
        return {name: context.arguments.get(name) for name in handler.arguments}
