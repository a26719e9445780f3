"""The chunks of an import: each is one transaction, and they are committed in the order of the file.

A chunk that shares no key with the one before runs in parallel on a connection of its own, so that PostgreSQL
works on both; it waits for the earlier chunk before it commits.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Self

from stockroom import fibers
from stockroom.actions import leases
from stockroom.actions.import_kinds import Applier
from stockroom.domain.imports import Applied, Checked, Valid
from stockroom.domain.tasks import Lease
from stockroom.frozen import frozen
from stockroom.storage import tasks
from stockroom.storage.engines import Database, Work

LISTED = 100_000
"""The most entries of a task's error list; further ones are only counted in the summary."""

PATIENCE = 1.0
"""Seconds that a chunk waits for its turn while it holds locks."""

_SUMMARY = ("created", "updated", "unchanged", "merged", "rejected")


class Chunk(NamedTuple):
    """Some rows of the file. `is_new` is False if an earlier worker has applied them."""

    rows: list[Checked]
    is_new: bool

    @property
    def valid(self) -> list[Valid]:
        return [row for row in self.rows if isinstance(row, tuple)]


@frozen
class Standing:
    """What the task's row holds after a chunk."""

    done: int
    errors: int
    summary: Mapping[str, int]

    @classmethod
    def of(cls, lease: Lease) -> Self:
        return cls(lease.done, lease.errors, lease.summary or dict.fromkeys(_SUMMARY, 0))

    def after(self, rows: int, errors: int, counts: Mapping[str, int], rejected: int) -> Self:
        summary = {name: self.summary.get(name, 0) + counts.get(name, 0) for name in _SUMMARY}
        summary["rejected"] += rejected
        return replace(self, done=self.done + rows, errors=self.errors + errors, summary=summary)


class Chunks:
    """Applies chunks in order, up to two in parallel."""

    def __init__(self, database: Database, lease: Lease, applier: Applier) -> None:
        self.standing = Standing.of(lease)
        self._database = database
        self._lease = lease
        self._applier = applier
        self._fibers = fibers.Fibers()
        # SQLite has one writer: the second chunk would wait in the thread of the first.
        self._side_by_side = database.writes.dialect.name != "sqlite"
        self._before: asyncio.Task[None] | None = None
        self._last: asyncio.Task[None] | None = None
        self._changing: set[str] | None = None
        self._turn = asyncio.Event()
        self._turn.set()

    async def begin(self, chunk: Chunk) -> None:
        """Begin the next chunk as soon as it may run. Raises the errors of earlier chunks."""
        valid = chunk.valid
        changing = self._applier.changes(valid) if self._side_by_side else None
        if changing is None or self._changing is None or changing & self._changing:
            await self.end()
        elif self._before:
            await self._before
        turn, self._turn = self._turn, asyncio.Event()
        task = asyncio.create_task(self._apply(chunk, valid, turn, following=self._turn))
        self._before, self._last, self._changing = self._last, task, changing

    async def end(self) -> None:
        """Wait until all chunks that were begun are committed. Raises their errors."""
        for task in (self._before, self._last):
            if task:
                await task

    async def _apply(
        self, chunk: Chunk, valid: list[Valid], turn: asyncio.Event, *, following: asyncio.Event
    ) -> None:
        while not await self._fibers.run(partial(self._commit, chunk, valid, turn)):
            await turn.wait()
        following.set()

    def _commit(self, chunk: Chunk, valid: list[Valid], turn: asyncio.Event) -> bool:
        """Apply the chunk. Roll back and return False if its turn does not come in time."""
        with self._database.work() as work:
            applied = self._applier.apply(work, valid)
            if not _comes(turn):
                # The chunk before may wait, by way of a third transaction, for locks of this one. The
                # database cannot detect this deadlock.
                work.rollback()
                return False
            if chunk.is_new:
                self._note(work, chunk.rows, applied)
            else:
                leases.renew(work, self._lease)
        return True

    def _note(self, work: Work, rows: list[Checked], applied: Applied) -> None:
        refused = [row for row in rows if isinstance(row, list)]
        errors = [*(rejection.as_error() for row in refused for rejection in row), *applied.errors]
        listed = sorted(errors, key=lambda error: error.line)[: max(0, LISTED - self.standing.errors)]
        tasks.add_errors(work.connection, self._lease.task_id, listed)
        self.standing = now = self.standing.after(len(rows), len(listed), applied.counts, len(refused))
        leases.progress(work, self._lease, done=now.done, errors=now.errors, summary=now.summary)


def _comes(turn: asyncio.Event) -> bool:
    if not turn.is_set():
        try:
            fibers.wait_for(asyncio.wait_for(turn.wait(), PATIENCE))
        except TimeoutError:
            return False
    return True
