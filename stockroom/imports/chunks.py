"""The chunks of an import: each is one transaction, and they are committed in the order of the file.

A chunk that has nothing in common with the one before is applied beside it, on a connection of its own, so
that PostgreSQL works on both at once; then it waits for its turn.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple, Self

from stockroom.db.database import Database
from stockroom.db.unit_of_work import Work
from stockroom.frozen import frozen
from stockroom.imports.kinds import Applier
from stockroom.imports.model import Applied, Checked, Valid
from stockroom.work import leases
from stockroom.work import queries as tasks
from stockroom.work.model import Lease

LISTED = 100_000
"""Entries of a task's error list at most; what comes after them is counted in the summary only."""

PATIENCE = 1.0
"""Seconds that a chunk waits for its turn, whatever it has locked."""

_SUMMARY = ("created", "updated", "unchanged", "merged", "rejected")


class Chunk(NamedTuple):
    """Some rows of the file. They are not new to the task if an earlier worker has applied them."""

    rows: list[Checked]
    is_new: bool

    @property
    def valid(self) -> list[Valid]:
        return [row for row in self.rows if isinstance(row, tuple)]


@frozen
class ImportProgress:
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
    """Applies one chunk after the other, up to two at a time."""

    def __init__(self, database: Database, lease: Lease, applier: Applier) -> None:
        self.progress = ImportProgress.of(lease)
        self._database = database
        self._lease = lease
        self._applier = applier
        # SQLite has one writer, and would have the second wait in the thread of the first.
        self._side_by_side = database.name != "sqlite"
        self._before: asyncio.Task[None] | None = None
        self._last: asyncio.Task[None] | None = None
        self._changing: set[str] | None = None
        self._turn = asyncio.Event()
        self._turn.set()

    async def begin(self, chunk: Chunk) -> None:
        """Begin with the next chunk, as soon as it may be. Raises what chunks before it raised."""
        valid = chunk.valid
        changing = self._applier.changes(valid) if self._side_by_side else None
        if changing is None or self._changing is None or changing & self._changing:
            await self.end()
        elif self._before:
            await self._before
        turn, self._turn = self._turn, asyncio.Event()
        task = asyncio.create_task(self._apply(chunk, valid, turn, following=self._turn))
        self._before, self._last, self._changing = self._last, task, changing
        if not self._side_by_side:
            await task

    async def end(self) -> None:
        """Wait until all that was begun is committed. Raises what it raised."""
        for task in (self._before, self._last):
            if task:
                await task

    async def _apply(
        self, chunk: Chunk, valid: list[Valid], turn: asyncio.Event, *, following: asyncio.Event
    ) -> None:
        while not await self._committed(chunk, valid, turn):
            await turn.wait()
        following.set()

    async def _committed(self, chunk: Chunk, valid: list[Valid], turn: asyncio.Event) -> bool:
        """Apply the chunk; False, and nothing is done, if its turn does not come."""
        run, work = self._database.run, self._database.work()
        try:
            applied = await run(partial(self._applier.apply, work, valid))
            if not await _comes(turn):
                # The one before may wait for what this one has locked, by way of a third who waits for both.
                # No database sees that circle.
                return False
            await run(partial(self._commit, work, chunk, applied))
        finally:
            await run(work.rollback)
        return True

    def _commit(self, work: Work, chunk: Chunk, applied: Applied) -> None:
        if chunk.is_new:
            self._note(work, chunk.rows, applied)
        else:
            leases.renew(work, self._lease)
        work.commit()

    def _note(self, work: Work, rows: list[Checked], applied: Applied) -> None:
        refused = [row for row in rows if isinstance(row, list)]
        errors = [*(rejection.as_error() for row in refused for rejection in row), *applied.errors]
        listed = sorted(errors, key=lambda error: error.line)[: max(0, LISTED - self.progress.errors)]
        tasks.add_errors(work.connection, self._lease.task_id, listed)
        self.progress = now = self.progress.after(len(rows), len(listed), applied.counts, len(refused))
        leases.progress(work, self._lease, done=now.done, errors=now.errors, summary=now.summary)


async def _comes(turn: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await turn.wait()
    except TimeoutError:
        return False
    return True
