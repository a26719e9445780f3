"""The way from Connexion into Flask: one hop, and no second routing to disagree with the first."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from flask import Flask
from starlette.types import Receive, Scope, Send

from stockroom.contract.dispatch import BoundHandler, Dispatcher
from stockroom.contract.exchange import Exchange, exchange_of
from stockroom.contract.replies import Reply, send_reply, start_of
from stockroom.contract.rooms import Room, Size
from stockroom.contract.streams import send_stream

Run = Callable[[Callable[[], Reply]], Awaitable[Reply]]


async def run_at_once(call: Callable[[], Reply]) -> Reply:
    """For handlers that wait for nothing."""
    return call()


class Bridge:
    """The ASGI application that Connexion wraps."""

    def __init__(self, flask: Flask, dispatcher: Dispatcher, run: Run, rooms: Mapping[str, Size]) -> None:
        """Handlers run on the loop through `run`, or in threads; each in its room, by the room's name."""
        self._flask = flask
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
        if kept := self._dispatcher.kept(handler, exchange):
            return kept
        work = partial(self._in_flask, handler, exchange)
        room, caller = self._rooms[handler.room], exchange.caller
        await room.enter(caller)
        try:
            if not handler.blocks:
                return await self._run(work)
            context = contextvars.copy_context()
            threads = self._threads[handler.room]
            return await asyncio.get_running_loop().run_in_executor(threads, context.run, work)
        finally:
            room.leave(caller)

    def _in_flask(self, handler: BoundHandler, exchange: Exchange) -> Reply:
        # Its application context, for extensions and what is to be torn down. There is no request of Flask's:
        # everything has been read from it, and making one would take longer than all the rest here.
        with self._flask.app_context():
            return self._dispatcher.reply(handler, exchange)
