"""The outermost layer: what every request must be, what every answer carries, and the last word on errors."""

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from stockroom.contract.problems import MEDIA_TYPE, Catalogue, Problem, unavailable
from stockroom.http.addresses import client_of
from stockroom.http.bodies import Disconnected
from stockroom.http.context import EXTENSION, RequestContext, fields_of
from stockroom.http.drift import Drift
from stockroom.http.replies import Reply, send_reply
from stockroom.http.sanity import require_sane
from stockroom.security_log import Event, SecurityLog

log = structlog.get_logger(__name__)

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

LONGEST_SHOWN = 42
"""Letters of a segment of a path that is logged. What is longer may be a token, where none belongs."""
_LONG = re.compile(rf"[^/]{{{LONGEST_SHOWN + 1},}}")

SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
CLOSED = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


ProblemFor = Callable[[Exception, Container[int]], Problem | None]
"""The problem that tells a client of an error, with one of these statuses if it can be; None for a fault."""


@dataclass(frozen=True)
class Guard:
    """Wraps the whole application.

    `trusted_proxies` is how many proxies of ours stand before the service. `drift` checks some answers.
    """

    app: ASGIApp
    catalogue: Catalogue
    problem_for: ProblemFor
    trusted_proxies: int
    drift: Drift | None = None
    requests: FilteringBoundLogger = field(default_factory=lambda: _bound(log))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self.app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields = fields_of(scope["headers"])
        context = RequestContext(_request_id(fields), client_of(scope, self.trusted_proxies), fields)
        # A dictionary of our own: a server may share one among all requests, and Connexion writes into it.
        scope = {**scope, "extensions": {EXTENSION: context}}
        structlog.contextvars.bind_contextvars(request_id=context.request_id)
        if self.drift:
            send = self.drift.watch(scope, context.request_id, send)
        response = _Response(send, context)
        try:
            require_sane(scope, fields)
            await self.app(scope, receive, response.send)
        except Disconnected:
            response.status = 499
        except Exception as error:
            problem = self._problem(error, context.operation.responses if context.operation else ())
            _note(problem, context)
            if response.status:
                raise
            await self._send_problem(scope, response, problem)
        except asyncio.CancelledError:
            # The process ends, and has waited for as long as it may. Whoever waits is told so.
            if response.status:
                raise
            await self._send_problem(scope, response, unavailable("The service is restarted. Try again."))
        finally:
            self._log(scope, context, response.status)

    def _log(self, scope: Scope, context: RequestContext, status: int) -> None:
        operation = context.operation and context.operation.id
        # Whoever watches over the service asks for its health every few seconds.
        level = logging.DEBUG if operation and operation.startswith("handlers.health.") else logging.INFO
        self.requests.log(
            level,
            "request",
            method=scope["method"],
            path=_shown(scope["path"]) if len(scope["path"]) > LONGEST_SHOWN else scope["path"],
            operation=operation,
            status=status,
            ms=round((time.perf_counter() - context.started) * 1000, 1),
            user=context.principal.subject if context.principal else context.user,
            client=context.client,
        )

    def _problem(self, error: Exception, statuses: Container[int]) -> Problem:
        problem = error if isinstance(error, Problem) else self.problem_for(error, statuses)
        if problem:
            return problem
        log.error("request.failed", exc_info=error)
        return Problem("internal-error", "This is a fault of the service. It is logged under the request id.")

    async def _send_problem(self, scope: Scope, response: "_Response", problem: Problem) -> None:
        # A server may hand on bytes that are no UTF-8 as surrogates, which have no form in JSON.
        body = self.catalogue.render(problem, scope["path"].encode(errors="replace").decode())
        headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"} | problem.headers
        await send_reply(response.send, Reply(self.catalogue.status(problem), headers, body))


class _Response:
    """Puts onto an answer what every answer carries."""

    def __init__(self, send: Send, context: RequestContext) -> None:
        self.status = 0
        self._send = send
        self._context = context

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._headers(message["headers"])
        await self._send(message)

    def _headers(self, own: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        context = self._context
        common = [(b"x-request-id", context.request_id.encode()), *context.headers, *SECURITY_HEADERS]
        if CLOSED[0] not in dict(own):
            common.append(CLOSED)
        headers = own + common
        operation = context.operation
        return operation.deprecation.added_to(headers) if operation and operation.deprecation else headers


def _note(problem: Problem, context: RequestContext) -> None:
    """Log a refusal that matters to security; of a refresh token, in the body, the product tells."""
    event, operation = _EVENTS.get(problem.code), context.operation
    if event and operation and (event != "token.refused" or operation.scopes is not None):
        user = context.principal.subject if context.principal else None
        SecurityLog(context.client, context.identify).note(event, user, operation=operation.id)


_EVENTS: Mapping[str, Event] = {
    "insufficient-scope": "scope.refused",
    "invalid-token": "token.refused",
    "quota-exceeded": "quota.exceeded",
}


def _bound(logger: FilteringBoundLogger) -> FilteringBoundLogger:
    """The logger made for good; a module's is made anew, from the configuration, for each line."""
    return logger.bind()


def _shown(path: str) -> str:
    return _LONG.sub("…", path)


def _request_id(fields: Mapping[bytes, bytes]) -> str:
    """The id that the client gave, that of its trace (W3C Trace Context), or a new one."""
    given, trace = fields.get(b"x-request-id"), fields.get(b"traceparent")
    if given and REQUEST_ID.fullmatch(given):
        return given.decode()
    if trace and (match := TRACEPARENT.fullmatch(trace)):
        return match[1].decode()
    return os.urandom(16).hex()
