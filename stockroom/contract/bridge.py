"""The way from Connexion to the handlers: one hop, and no second routing to disagree with the first."""

import asyncio
from functools import partial

from starlette.types import Receive, Scope, Send

from stockroom.contract.dispatch import Dispatcher
from stockroom.contract.exchange import Exchange, exchange_of
from stockroom.contract.replies import Reply, send_reply, start_of
from stockroom.contract.streams import send_stream
from stockroom.contract.threads import Threads
from stockroom.fibers import Fibers


class Bridge:
    """The ASGI application that Connexion wraps."""

    def __init__(self, dispatcher: Dispatcher, at_once: int) -> None:
        """Handlers work on so many requests at once, in fibers or in threads; others wait for their turn."""
        self._dispatcher = dispatcher
        self._room = asyncio.Semaphore(at_once)
        self._fibers = Fibers()
        self._threads = Threads(at_once, "handler")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(exchange_of(scope))
        if reply.source is None:
            await send_reply(send, reply)
        else:
            await send_stream(scope, receive, send, start_of(reply, reply.source.size), reply.source)

    def close(self) -> None:
        """Wait for the requests that are under way."""
        self._threads.close()

    async def _reply(self, exchange: Exchange) -> Reply:
        handler = self._dispatcher.handler(exchange)
        if handler.on_loop:
            return await self._dispatcher.reply_on_loop(handler, exchange)
        if handler.operation.cache and (kept := await self._dispatcher.kept(handler, exchange)):
            return kept
        run = self._threads.run if handler.blocks else self._fibers.run
        async with self._room:
            return await run(partial(self._dispatcher.reply, handler, exchange))
