"""The way from Connexion into Flask: one thread hop, and no second routing to disagree with the first."""

from functools import partial
from typing import Any

from flask import Flask
from starlette.types import Receive, Scope, Send
from werkzeug.routing import MapAdapter
from werkzeug.wrappers import Request

from stockroom.contract.dispatch import BoundHandler, Dispatcher
from stockroom.contract.exchange import Exchange, exchange_of
from stockroom.contract.replies import Reply, send_reply, start_of
from stockroom.contract.streams import send_stream
from stockroom.contract.threads import Threads


class OperationFlask(Flask):
    """Flask for requests that are routed, authorized and validated: nothing is left for it to match."""

    def create_url_adapter(self, _: Request | None) -> MapAdapter | None:
        return None


class Bridge:
    """The ASGI application that Connexion wraps."""

    def __init__(self, flask: OperationFlask, dispatcher: Dispatcher, threads: int) -> None:
        self._flask = flask
        self._dispatcher = dispatcher
        self._threads = Threads(threads, "handler")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply = await self._reply(scope, exchange_of(scope))
        if reply.source is None:
            await send_reply(send, reply)
        else:
            await send_stream(scope, receive, send, start_of(reply, reply.source.size), reply.source)

    def close(self) -> None:
        """Wait for the requests that are under way."""
        self._threads.close()

    async def _reply(self, scope: Scope, exchange: Exchange) -> Reply:
        handler = self._dispatcher.handler(exchange)
        if handler.on_loop:
            return await self._dispatcher.reply_on_loop(handler, exchange)
        if kept := self._dispatcher.kept(handler, exchange):
            return kept
        return await self._threads.run(partial(self._in_flask, handler, scope, exchange))

    def _in_flask(self, handler: BoundHandler, scope: Scope, exchange: Exchange) -> Reply:
        with self._flask.request_context(_environ(scope, exchange)):
            return self._dispatcher.reply(handler, exchange)


def _environ(scope: Scope, exchange: Exchange) -> dict[str, Any]:
    """A WSGI environment (PEP 3333) with what identifies the request; handlers get its values themselves."""
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
    }
