"""Working off an export: everything it shows is read at one moment and written to one file, or to none."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from stockroom.actions import leases
from stockroom.domain.exports import ExportOptions, Record
from stockroom.domain.tasks import Lease, LeaseLost
from stockroom.storage import exports
from stockroom.storage.engines import Database
from stockroom.storage.files import FileStore
from stockroom.storage.record_files import WRITERS

CHUNK = 1_000
"""Records between two looks at the clock, and at whether to leave off."""

NOTED = 1.0
"""Seconds between two notes of how far the work has come."""


class _LeftOff(Exception):
    """The worker is to stop; what was written so far is worth nothing."""


def run(database: Database, files: FileStore, lease: Lease, *, stopping: Callable[[], bool]) -> bool:
    """Export from the beginning to the end; False if `stopping` said to leave off before.

    Raises LeaseLost once the task is cancelled or another's.
    """
    options = ExportOptions.from_parameters(lease.parameters)
    name = options.file(lease.task_id, lease.fence)
    with contextlib.suppress(_LeftOff):
        with (
            database.snapshot() as snapshot,
            exports.read(snapshot, options, database.clock()) as found,
            files.create(name) as target,
        ):
            watched = _watched(found.records, database, lease, total=found.total, stopping=stopping)
            WRITERS[options.format](target, options.kind, watched)
        _finish(database, files, lease, name, found.total)
        return True
    return False


def _watched(
    records: Iterable[Record],
    database: Database,
    lease: Lease,
    *,
    total: int,
    stopping: Callable[[], bool],
) -> Iterator[Record]:
    """The records, as long as they are wanted; now and then it is noted how many there were."""
    rest, done, due = iter(records), 0, -1.0
    while True:
        if stopping():
            raise _LeftOff
        if time.monotonic() >= due:
            with database.work() as work:
                leases.renew(work, lease, total=total, done=done)
            due = time.monotonic() + NOTED
        before = done
        for record in islice(rest, CHUNK):
            yield record
            done += 1
        if done == before:
            return


def _finish(database: Database, files: FileStore, lease: Lease, name: str, done: int) -> None:
    try:
        with database.work() as work:
            leases.finish(work, lease, done=done)
    except LeaseLost:
        # Nobody will ask for it. Housekeeping takes away what a worker leaves that has no time for this.
        with contextlib.suppress(OSError):
            files.delete(name)
        raise
