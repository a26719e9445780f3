"""The feed of ended sessions, which every process reads again and again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from stockroom.accounts import sessions
from stockroom.accounts.revocations import Revocations
from stockroom.db.database import OUTAGES, Database

log = structlog.get_logger(__name__)

POLL = 0.5
"""Seconds between two looks: a logout reaches every process within one."""


@asynccontextmanager
async def following(database: Database, revocations: Revocations) -> AsyncIterator[None]:
    """Keep `revocations` up to date within the context. What has ended before is known once it begins."""
    stopping = asyncio.Event()
    last = await _poll(database, revocations, 0)
    task = asyncio.create_task(_follow(database, revocations, last, stopping))
    try:
        yield
    finally:
        # Awaited, not cancelled: its thread would be left with a connection that nobody closes.
        stopping.set()
        await task


async def _follow(database: Database, revocations: Revocations, after: int, stopping: asyncio.Event) -> None:
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), POLL)
            return
        try:
            after = await _poll(database, revocations, after)
        except OUTAGES as error:
            log.warning("revocations.database_away", error=str(error))


async def _poll(database: Database, revocations: Revocations, after: int) -> int:
    def poll() -> int:
        with database.connect() as reader:
            return sessions.poll(reader, revocations, after, database.clock())

    return await database.run(poll)
