"""Answers that are read while they are sent: piece by piece, beside the event loop, for as long as wanted."""

import asyncio
import threading
import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from starlette.types import Message

from stockroom.contract.contract import Contract
from stockroom.http.bodies import Disconnected
from stockroom.http.replies import Reply, render, start_of
from stockroom.http.streams import PIECE, send_stream


class Source(BytesIO):
    """A file of so many zeros, made while it is read; `before` is called in the thread that reads."""

    def __init__(self, size: int, before: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.size = self.left = size
        self.before = before
        self.reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.before()
        self.reads += 1
        piece = bytes(min(size or 0, self.left))
        self.left -= len(piece)
        return piece


class Client:
    """Takes an answer; `leaves` after so many pieces."""

    def __init__(self, leaves: int | None = None, *, keeps: bool = True) -> None:
        self.messages: list[Message] = []
        self.length = self.pieces = 0
        self._leaves, self._keeps = leaves, keeps
        self._gone = asyncio.Event()

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.length += len(message.get("body", b""))
        self.pieces += message["type"] == "http.response.body"
        if self._keeps:
            self.messages.append(message)
        if self.pieces == self._leaves:
            self._gone.set()


async def send(client: Client, source: Any, method: str = "GET") -> None:
    start = start_of(Reply(200, {"Content-Type": "text/csv"}, b""), source.size)
    await send_stream({"method": method}, client.receive, client.send, start, source)


def test_a_source_is_sent_piece_by_piece_and_closed() -> None:
    source = Source(2 * PIECE + 1)

    async def run() -> Client:
        client = Client()
        await send(client, source)
        return client

    start, *pieces = asyncio.run(run()).messages
    assert (b"content-length", str(source.size).encode()) in start["headers"]
    assert [(len(piece["body"]), piece["more_body"]) for piece in pieces] == [
        (PIECE, True),
        (PIECE, True),
        (1, True),
        (0, False),
    ]
    assert source.closed


def test_no_more_is_held_than_a_few_pieces() -> None:
    async def run() -> int:
        client = Client(keeps=False)
        await send(client, Source(200 * 2**20))
        return client.length

    tracemalloc.start()
    try:
        length = asyncio.run(run())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == 200 * 2**20
    assert peak < 8 * PIECE


def test_nothing_more_is_read_for_a_client_that_is_gone() -> None:
    source = Source(100 * PIECE)

    async def run() -> None:
        with pytest.raises(Disconnected):
            await send(Client(leaves=3), source)

    asyncio.run(run())
    # One more may be under way.
    assert source.reads <= 4
    assert source.closed


def test_the_loop_goes_on_while_a_piece_is_read() -> None:
    passed = threading.Event()
    source = Source(1, before=lambda: passed.wait(20))

    async def run() -> Client:
        client = Client()
        sending = asyncio.create_task(send(client, source))
        while source.reads == 0 and not passed.is_set():
            await asyncio.sleep(0)
            # Only a loop that is not held up gets here.
            passed.set()
        await sending
        return client

    assert asyncio.run(run()).length == 1


def test_what_cannot_be_read_to_its_end_ends_early_and_is_closed() -> None:
    def fail() -> None:
        raise OSError("the disk is gone")

    source = Source(1, before=fail)

    async def run() -> Client:
        client = Client()
        with pytest.raises(OSError, match="the disk is gone"):
            await send(client, source)
        return client

    # The server breaks the connection off: the length that was told is not reached.
    assert [message["type"] for message in asyncio.run(run()).messages] == ["http.response.start"]
    assert source.closed


def test_after_head_nothing_is_read() -> None:
    source = Source(PIECE)

    async def run() -> Client:
        client = Client()
        await send(client, source, "HEAD")
        return client

    client = asyncio.run(run())
    assert (client.length, client.pieces, source.reads, source.closed) == (0, 1, 0, True)


def test_a_handler_answers_with_a_file(contract: Contract) -> None:
    source = Source(3)
    reply = render(contract.operations["handlers.tasks.read_result"], (source, {"ETag": '"x"'}))
    assert (reply.body, reply.source, reply.headers["ETag"]) == (b"", source, '"x"')
