"""The way from Connexion into Flask: one thread hop, and no second routing to disagree with the first."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from flask import Flask, Response, request
from starlette.types import Receive, Scope, Send
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Request

from stockroom.contract.dispatch import Dispatcher
from stockroom.contract.exchange import Exchange, exchange_of
from stockroom.contract.replies import Reply, send_reply, start_of
from stockroom.contract.streams import Source, send_stream

_EXCHANGE = "stockroom.exchange"


class _Response(Response):
    # No body, no type; and the type of every other answer is the contract's.
    default_mimetype = None
    source: Source | None = None


class OperationFlask(Flask):
    """Flask for requests that are routed, authorized and validated: it runs the operation it is handed."""

    response_class = _Response
    dispatch: Callable[[Exchange], Reply]

    def create_url_adapter(self, _: Request | None) -> MapAdapter | None:
        return None

    def dispatch_request(self) -> Response:
        reply = self.dispatch(request.environ[_EXCHANGE])
        response = _Response(reply.body, reply.status, dict(reply.headers))
        response.source = reply.source
        return response


class Bridge:
    """The ASGI application that Connexion wraps."""

    def __init__(self, flask: OperationFlask, dispatcher: Dispatcher, threads: int) -> None:
        flask.dispatch = dispatcher.reply
        self._flask = flask
        self._dispatcher = dispatcher
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="handler")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = exchange_of(scope)
        if self._dispatcher.handler(exchange).on_loop:
            reply = await self._dispatcher.reply_on_loop(exchange)
        else:
            reply = await self._hop(scope, exchange)
        if reply.source is None:
            await send_reply(send, reply)
        else:
            await send_stream(scope, receive, send, start_of(reply, reply.source.size), reply.source)

    def close(self) -> None:
        """Wait for the requests that are under way."""
        self._threads.shutdown()

    async def _hop(self, scope: Scope, exchange: Exchange) -> Reply:
        context = contextvars.copy_context()
        call = asyncio.get_running_loop().run_in_executor(
            self._threads, context.run, self._in_flask, _environ(scope, exchange)
        )
        return await call

    def _in_flask(self, environ: dict[str, Any]) -> Reply:
        with self._flask.request_context(environ):
            response = cast(_Response, self._flask.full_dispatch_request())
            headers = {name: value for name, value in response.headers if name != "Content-Length"}
            return Reply(response.status_code, headers, response.get_data(), response.source)


def _environ(scope: Scope, exchange: Exchange) -> dict[str, Any]:
    """A WSGI environment (PEP 3333) with what identifies the request; its values travel in the exchange."""
    server = scope.get("server") or ("localhost", None)
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": exchange.client,
        "wsgi.url_scheme": scope["scheme"],
        _EXCHANGE: exchange,
    }
