"""Where handlers run, and how many of them at once."""

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest

from stockroom.http.bridge import Bridge, RunOnLoop
from stockroom.http.context import EXTENSION
from stockroom.http.replies import Reply
from stockroom.http.rooms import COMMON_ROOM, Size


class Dispatcher:
    """Notes who is at work at the same time, and in which threads."""

    def __init__(self, *, blocks: bool) -> None:
        operation = SimpleNamespace(cache=None, method="GET")
        self._handler = SimpleNamespace(on_loop=False, blocks=blocks, room=COMMON_ROOM, operation=operation)
        self.busy = self.most = 0
        self.threads: set[int] = set()

    def handler(self, context: object) -> object:
        return self._handler

    async def settle(self, handler: object, context: object, reply: Reply) -> None:
        pass

    def reply(self, handler: object, context: object) -> Reply:
        self.busy += 1
        self.most = max(self.most, self.busy)
        self.threads.add(threading.get_ident())
        if self._handler.blocks:
            time.sleep(0.02)
            self.busy -= 1
        return Reply(204, {}, b"")


def serve(dispatcher: Dispatcher, requests: int, at_once: int) -> None:
    async def waiting(call: Any) -> Reply:
        reply: Reply = call()
        # As one that waits for the database, while others run.
        await asyncio.sleep(0)
        dispatcher.busy -= 1
        return reply

    async def scenario(run: RunOnLoop) -> None:
        rooms = {COMMON_ROOM: Size(at_once, share=at_once)}
        bridge = Bridge(dispatcher, run, rooms)  # type: ignore[arg-type]  # all that it asks
        context = SimpleNamespace(caller="ann", arguments={})
        scope: dict[str, Any] = {"type": "http", "extensions": {EXTENSION: context}}
        try:
            await asyncio.gather(*(bridge(scope, receive, send) for _ in range(requests)))
        finally:
            bridge.close()

    async def receive() -> Any:
        raise AssertionError("the body has been read")

    async def send(message: object) -> None:
        pass

    asyncio.run(scenario(waiting))


@pytest.mark.parametrize("blocks", [True, False])
def test_so_many_are_at_work_at_once_and_no_more(blocks: bool) -> None:
    dispatcher = Dispatcher(blocks=blocks)
    serve(dispatcher, requests=12, at_once=3)
    assert dispatcher.most == 3


def test_only_what_blocks_leaves_the_thread_of_the_loop() -> None:
    waiting, blocking = Dispatcher(blocks=False), Dispatcher(blocks=True)
    for dispatcher in (waiting, blocking):
        serve(dispatcher, requests=2, at_once=1)
    assert waiting.threads == {threading.get_ident()}
    assert threading.get_ident() not in blocking.threads
