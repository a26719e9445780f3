"""Run an export: read everything from one snapshot and write it to one file, or to none."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.exports import queries
from stockroom.exports.model import ExportOptions, Record
from stockroom.exports.record_files import WRITERS
from stockroom.work import leases
from stockroom.work.model import Lease, LeaseLost

CHUNK = 1_000
"""Records between two checks of the clock and of whether to stop."""

NOTED = 1.0
"""Seconds between two updates of the task's progress."""


class _LeftOff(Exception):
    """The worker must stop; the file written so far is discarded."""


def run(database: Database, files: FileStore, lease: Lease, *, stopping: Callable[[], bool]) -> bool:
    """Write the whole export; False if `stopping` asked to stop before the end.

    Raises LeaseLost once the task is cancelled or belongs to another worker.
    """
    options = ExportOptions.from_parameters(lease.parameters)
    name = options.file(lease.task_id, lease.fence)
    with contextlib.suppress(_LeftOff):
        with (
            database.snapshot() as snapshot,
            queries.read(snapshot, options, database.clock()) as found,
            files.create(name) as target,
        ):
            watched = _watched(found.records, database, lease, total=found.total, stopping=stopping)
            WRITERS[options.format](target, options.kind, watched)
            size = target.tell()
        _finish(database, files, lease, name, done=found.total, size=size)
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
    """Yield the records, renew the lease, and store the progress. Raises _LeftOff if the worker must stop."""
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


def _finish(database: Database, files: FileStore, lease: Lease, name: str, *, done: int, size: int) -> None:
    try:
        with database.work() as work:
            leases.finish(work, lease, done=done, size=size)
    except LeaseLost:
        # Nobody will ask for this file. If the worker ends before it deletes it, retention does.
        with contextlib.suppress(OSError):
            files.delete(name)
        raise
