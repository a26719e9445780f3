"""Readiness: many who ask at once cost what one does."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stockroom.activities.activities import Activities
from stockroom.process.readiness import Probe, Readiness, network_probe

MANY = 50


def readiness_of(probe: Probe) -> Readiness:
    return Readiness({"broker": probe}, Activities(), ())


def test_many_who_ask_at_once_open_one_connection() -> None:
    async def scenario() -> None:
        connections = 0

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.read()
            writer.close()

        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            readiness = readiness_of(network_probe(f"amqp://127.0.0.1:{port}", 5672))
            states = await asyncio.gather(*(readiness.dependencies() for _ in range(MANY)))
            assert states == [{"broker": "ok"}] * MANY
            assert connections == 1
            # What was found out then says nothing of later.
            await readiness.dependencies()
            assert connections == 2

    asyncio.run(scenario())


class Gate:
    """A probe that answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self) -> None:
        self.asked += 1
        self.reached.set()
        await self.open.wait()


def at_the_gate(scenario: Callable[[Readiness, Gate], Awaitable[None]]) -> None:
    async def run() -> None:
        gate = Gate()
        await scenario(readiness_of(gate), gate)

    asyncio.run(run())


def test_who_asked_first_and_leaves_takes_the_answer_from_nobody() -> None:
    async def scenario(readiness: Readiness, gate: Gate) -> None:
        first, second = (asyncio.create_task(readiness.dependencies()) for _ in range(2))
        await gate.reached.wait()
        first.cancel()
        gate.open.set()
        assert await second == {"broker": "ok"}
        with pytest.raises(asyncio.CancelledError):
            await first
        assert gate.asked == 1

    at_the_gate(scenario)


def test_a_dependency_that_is_silent_has_failed_for_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockroom.process.readiness.TIMEOUT", 0.05)

    async def scenario(readiness: Readiness, gate: Gate) -> None:
        states = await asyncio.gather(*(readiness.dependencies() for _ in range(MANY)))
        assert states == [{"broker": "failed"}] * MANY
        assert gate.asked == 1

    at_the_gate(scenario)
