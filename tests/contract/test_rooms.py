"""Rooms: nobody fills one alone, those who wait take turns, and no wait is without an end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stockroom.contract.problems import Problem
from stockroom.http.rooms import Room, Size


async def settle() -> None:
    """Let all that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


class Visits:
    """Callers that enter a room, in the order in which they are let in."""

    def __init__(self, room: Room) -> None:
        self.inside: list[str] = []
        self._room = room
        self._tasks: list[asyncio.Task[None]] = []

    def come(self, caller: str, *, reads: bool = False) -> asyncio.Task[None]:
        task = asyncio.create_task(self._come(caller, reads=reads))
        self._tasks.append(task)
        return task

    async def _come(self, caller: str, *, reads: bool) -> None:
        await self._room.enter(caller, reads=reads)
        self.inside.append(caller)

    async def leave(self, caller: str, *, reads: bool = False) -> None:
        self._room.leave(caller, reads=reads)
        await settle()


def scenario(size: Size, play: Callable[[Visits], Awaitable[None]]) -> None:
    async def played() -> None:
        async with asyncio.timeout(20):
            await play(Visits(Room(size)))

    asyncio.run(played())


def test_one_caller_has_no_more_than_the_share() -> None:
    async def play(visits: Visits) -> None:
        waiting = [visits.come("ann") for _ in range(4)]
        await settle()
        assert visits.inside == ["ann"] * 2
        visits.come("bob")
        await settle()
        assert visits.inside == ["ann", "ann", "bob"]
        for task in waiting:
            task.cancel()

    scenario(Size(places=4, share=2), play)


def test_writes_leave_some_places_to_reads_and_reads_take_all() -> None:
    async def play(visits: Visits) -> None:
        for writer in ("ann", "bob", "cid", "dan"):
            visits.come(writer)
        visits.come("eve", reads=True)
        await settle()
        assert visits.inside == ["ann", "bob", "cid", "eve"]
        for reader in ("fay", "gus"):
            visits.come(reader, reads=True)
        await visits.leave("eve", reads=True)
        # A place that is kept for reads is none for the writer who has waited longest.
        assert visits.inside[4:] == ["fay"]
        await visits.leave("ann")
        assert visits.inside[5:] == ["dan"]
        await visits.leave("bob")
        assert visits.inside[6:] == ["gus"]

    scenario(Size(places=4, share=2, kept=1), play)


def test_callers_that_wait_take_turns() -> None:
    async def play(visits: Visits) -> None:
        for caller in ("ann", "ann", "ann", "ann", "bob", "eve"):
            visits.come(caller)
        await settle()
        for _ in range(5):
            await visits.leave(visits.inside[-1])
        assert visits.inside == ["ann", "ann", "bob", "eve", "ann", "ann"]

    scenario(Size(places=1, share=1), play)


def test_who_gives_up_as_a_place_gets_free_leaves_it_to_the_next() -> None:
    async def play(visits: Visits) -> None:
        _, first, _ = [visits.come(caller) for caller in ("ann", "bob", "bob")]
        await settle()
        first.cancel()
        await visits.leave("ann")
        assert visits.inside == ["ann", "bob"]

    scenario(Size(places=1, share=1), play)


def test_a_wait_ends_in_a_refusal_that_says_when_to_come_again() -> None:
    async def play(visits: Visits) -> None:
        await visits.come("ann")
        with pytest.raises(Problem) as refusal:
            await visits.come("bob")
        assert (refusal.value.code, refusal.value.headers) == ("unavailable", {"Retry-After": "1"})
        await visits.leave("ann")
        await visits.come("bob")

    scenario(Size(places=1, share=1, patience=0.01), play)


def test_a_long_queue_refuses_at_once() -> None:
    async def play(visits: Visits) -> None:
        await visits.come("ann")
        waiting = visits.come("bob")
        await settle()
        with pytest.raises(Problem):
            await visits.come("eve")
        await visits.leave("ann")
        await waiting

    scenario(Size(places=1, share=1, waiting=1), play)


def test_whoever_gives_up_leaves_the_place_to_others() -> None:
    async def play(visits: Visits) -> None:
        await visits.come("ann")
        gone, next_one = visits.come("bob"), visits.come("eve")
        await settle()
        gone.cancel()
        # Not yet told that it was cancelled when its turn comes.
        await visits.leave("ann")
        await next_one
        assert visits.inside == ["ann", "eve"]
        await visits.leave("eve")
        await visits.come("ann")

    scenario(Size(places=1, share=1), play)


def test_a_place_that_comes_at_the_moment_of_giving_up_is_not_lost() -> None:
    async def play(visits: Visits) -> None:
        await visits.come("ann")
        gone = visits.come("bob")
        await settle()
        visits._room.leave("ann", reads=False)
        gone.cancel()
        await settle()
        await visits.come("eve")

    scenario(Size(places=1, share=1), play)
