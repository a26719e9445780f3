"""Limits counted in Redis: shared by processes, and counted in process while Redis is away or frozen."""

import asyncio
import socket
import threading
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask

from stockroom.contract.operations import RateLimit
from stockroom.contract.problems import Problem
from stockroom.http.context import RequestContext
from stockroom.http.limits import Limits
from stockroom.http.service import _impatient

RULE = RateLimit(3, 60, "ip")
NOBODY = "redis://127.0.0.1:1"


@pytest.fixture
def caller() -> str:
    return uuid.uuid4().hex


def opened(redis_url: str | None) -> Limits:
    return Limits(Flask("test"), redis_url and _impatient(redis_url), enforce=True)


async def allowed(counted: Limits, caller: str, times: int) -> list[bool]:
    return [await is_allowed(counted, caller) for _ in range(times)]


async def is_allowed(counted: Limits, caller: str) -> bool:
    try:
        await counted.hold(RequestContext("1", caller), "handlers.things.read", RULE)
    except Problem:
        return False
    return True


def test_processes_share_what_is_counted(redis_url: str, caller: str) -> None:
    async def scenario() -> list[bool]:
        one, other = opened(redis_url), opened(redis_url)
        return [
            *await allowed(one, caller, 2),
            *await allowed(other, caller, 2),
            *await allowed(one, caller, 1),
        ]

    assert asyncio.run(scenario()) == [True, True, True, False, False]


@pytest.mark.parametrize("url", [None, NOBODY], ids=["in process", "while Redis is away"])
def test_each_process_counts_for_itself(url: str | None, caller: str) -> None:
    async def scenario() -> list[bool]:
        one, other = opened(url), opened(url)
        return [*await allowed(one, caller, 4), *await allowed(other, caller, 1)]

    assert asyncio.run(scenario()) == [True, True, True, False, True]


def test_callers_are_counted_apart(caller: str) -> None:
    async def scenario() -> list[bool]:
        counted = opened(None)
        return [*await allowed(counted, caller, 4), *await allowed(counted, f"{caller}/x", 1)]

    assert asyncio.run(scenario()) == [True, True, True, False, True]


class Freezing:
    """A way to Redis that can freeze: it takes connections and bytes, and nothing comes back."""

    def __init__(self, redis_url: str) -> None:
        self.frozen = threading.Event()
        self.taken = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._target = (redis_url.split("/")[2].partition(":")[0], 6379)
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/9"
        self._open = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for opened in self._open:
            opened.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                redis = socket.create_connection(self._target)
            except OSError:
                return
            self.taken += 1
            self._open += [client, redis]
            for source, sink in ((client, redis), (redis, client)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while content := source.recv(65_536):
                if not self.frozen.is_set():
                    sink.sendall(content)
        except OSError:
            pass


@pytest.fixture
def way(redis_url: str) -> Iterator[Freezing]:
    way = Freezing(redis_url)
    yield way
    way.close()


def test_a_frozen_redis_blocks_neither_the_loop_nor_later_requests(
    way: Freezing, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockroom.activities.activity.FIRST_WAIT", 60.0)

    async def scenario() -> tuple[int, list[bool]]:
        counted = opened(way.url)
        assert await allowed(counted, caller, 1) == [True]
        way.frozen.set()
        hit = asyncio.create_task(allowed(counted, caller, 1))
        turns = 0
        while not hit.done():
            await asyncio.sleep(0)
            turns += 1
        before = way.taken
        later = await allowed(counted, caller, 3)
        assert way.taken == before  # It is left in peace for some seconds.
        return turns, [*await hit, *later]

    turns, answers = asyncio.run(scenario())
    assert turns > 100
    assert answers == [True, True, True, False]


def test_once_redis_is_back_it_counts_again(
    way: Freezing, redis_url: str, caller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockroom.activities.activity.FIRST_WAIT", 0.0)

    async def scenario() -> list[bool]:
        counted = opened(way.url)
        way.frozen.set()
        assert await allowed(counted, caller, 1) == [True]
        way.frozen.clear()
        assert await allowed(counted, caller, 3) == [True, True, True]
        return await allowed(opened(redis_url), caller, 1)

    assert asyncio.run(scenario()) == [False]
