"""The way from Connexion to the handlers: one hop, and no second routing to disagree with the first."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.types import Receive, Scope, Send

from stockroom.contract.dispatch import BoundHandler, Dispatcher
from stockroom.contract.exchange import Exchange, exchange_of
from stockroom.contract.replies import Reply, conditional, send_reply, start_of
from stockroom.contract.rooms import Room, Size
from stockroom.contract.streams import send_stream

Run = Callable[[Callable[[], Reply]], Awaitable[Reply]]


async def run_at_once(call: Callable[[], Reply]) -> Reply:
    """For handlers that wait for nothing."""
    return call()


class Bridge:
    """The ASGI application that Connexion wraps."""

    def __init__(self, dispatcher: Dispatcher, run: Run, rooms: Mapping[str, Size]) -> None:
        """Handlers run on the loop through `run`, or in threads; each in its room, by the room's name."""
        self._dispatcher = dispatcher
        self._run = run
        self._rooms = {name: Room(size) for name, size in rooms.items()}
        self._threads = {
            name: ThreadPoolExecutor(size.places, thread_name_prefix=name) for name, size in rooms.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(exchange_of(scope))
        if reply.source is None:
            await send_reply(send, reply)
        else:
            await send_stream(scope, receive, send, start_of(reply, reply.source.size), reply.source)

    def close(self) -> None:
        """Wait for the requests that are under way."""
        for threads in self._threads.values():
            threads.shutdown()

    async def _reply(self, exchange: Exchange) -> Reply:
        handler = self._dispatcher.handler(exchange)
        if handler.on_loop:
            return await self._dispatcher.reply_on_loop(handler, exchange)
        if handler.operation.cache and (kept := await self._dispatcher.kept(handler, exchange)):
            return kept
        reply = await self._worked_on(handler, exchange)
        await self._dispatcher.settle(handler, exchange, reply)
        return conditional(reply, exchange.arguments)

    async def _worked_on(self, handler: BoundHandler, exchange: Exchange) -> Reply:
        room, caller = self._rooms[handler.room], exchange.caller
        work = partial(self._dispatcher.reply, handler, exchange)
        await room.enter(caller)
        try:
            if not handler.blocks:
                return await self._run(work)
            context = contextvars.copy_context()
            threads = self._threads[handler.room]
            return await asyncio.get_running_loop().run_in_executor(threads, context.run, work)
        finally:
            room.leave(caller)
