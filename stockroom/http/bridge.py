"""The way from Connexion to the handlers: one hop, and no second routing to disagree with the first."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from starlette.types import Receive, Scope, Send

from stockroom.http.conditional import conditional
from stockroom.http.context import RequestContext, context_of
from stockroom.http.dispatch import BoundHandler, Dispatcher
from stockroom.http.replies import Reply, send_reply, start_of
from stockroom.http.rooms import Room, Size
from stockroom.http.streams import send_stream

RunOnLoop = Callable[[Callable[[], Reply]], Awaitable[Reply]]


async def run_at_once(call: Callable[[], Reply]) -> Reply:
    """For handlers that wait for nothing."""
    return call()


class Bridge:
    """The ASGI application that Connexion wraps."""

    def __init__(self, dispatcher: Dispatcher, run: RunOnLoop, rooms: Mapping[str, Size]) -> None:
        """Handlers run on the loop through `run`, or in threads; each in its room, by the room's name."""
        self._dispatcher = dispatcher
        self._run = run
        self._rooms = {name: Room(size) for name, size in rooms.items()}
        self._threads = {
            name: ThreadPoolExecutor(size.places, thread_name_prefix=name) for name, size in rooms.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(context_of(scope))
        if reply.source is None:
            await send_reply(send, reply)
        else:
            await send_stream(scope, receive, send, start_of(reply, reply.source.size), reply.source)

    def close(self) -> None:
        """Wait for the requests that are under way."""
        for threads in self._threads.values():
            threads.shutdown()

    async def _reply(self, context: RequestContext) -> Reply:
        handler = self._dispatcher.handler(context)
        if handler.on_loop:
            return await self._dispatcher.reply_on_loop(handler, context)
        if handler.operation.cache and (kept := await self._dispatcher.kept(handler, context)):
            return kept
        reply = await self._worked_on(handler, context)
        await self._dispatcher.settle(handler, context, reply)
        return conditional(reply, context.arguments)

    async def _worked_on(self, handler: BoundHandler, context: RequestContext) -> Reply:
        room, caller = self._rooms[handler.room], context.caller
        reads = handler.operation.method == "GET"
        work = partial(self._dispatcher.reply, handler, context)
        await room.enter(caller, reads=reads)
        try:
            if not handler.blocks:
                return await self._run(work)
            variables = contextvars.copy_context()
            threads = self._threads[handler.room]
            return await asyncio.get_running_loop().run_in_executor(threads, variables.run, work)
        finally:
            room.leave(caller, reads=reads)
