"""Run one task that was claimed: keep its lease, and record its outcome. Needs no Celery."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import structlog

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Ended, Pace
from stockroom.db.database import OUTAGES, Database
from stockroom.db.disk_full import is_disk_full
from stockroom.db.read_only import is_read_only
from stockroom.errors import StorageFull
from stockroom.work import actions as tasks
from stockroom.work import leases
from stockroom.work.actions import Files
from stockroom.work.leases import LeaseLost
from stockroom.work.model import CLAIMS_WITHOUT_PROGRESS, Lease, Unworkable

log = structlog.get_logger(__name__)

Run = Callable[[Lease], bool]
"""Does the work to its end, or returns False if it was asked to stop."""

# The database or the file store is unavailable: the lease expires, and a worker claims the task again.
_PASSING = (*OUTAGES, OSError, StorageFull)


def carry_out(database: Database, files: Files, lease: Lease, run: Run, activities: Activities) -> None:
    """Run the task; the file that it is made from goes with its end."""
    with _kept(database, lease, activities):
        try:
            if _attempt(database, lease, run):
                tasks.discard(files, lease.source)
        except LeaseLost:
            log.info("task.lost", task=lease.task_id, reason="cancelled, or taken over by another worker")
        except _PASSING as error:
            log.warning("task.interrupted", task=lease.task_id, reason=repr(error))
            if isinstance(error, StorageFull) or is_disk_full(error) or is_read_only(error):
                _excuse(database, lease)


def _attempt(database: Database, lease: Lease, run: Run) -> bool:
    """Whether the task has ended."""
    if lease.is_hopeless:
        # The work itself may crash its workers.
        return _fail(database, lease, _GIVEN_UP)
    try:
        finished = run(lease)
    except FileNotFoundError:
        return _fail(database, lease, "The file of the task is gone.")
    except Unworkable as reason:
        return _fail(database, lease, str(reason))
    except (LeaseLost, *_PASSING):
        raise
    except Exception:
        log.exception("task.failed", task=lease.task_id)
        return _fail(database, lease, "The work ended in an unexpected error; what was done before it stays.")
    if not finished:
        with database.work() as work:
            leases.release(work, lease)
        log.info("task.released", task=lease.task_id)
    return finished


def _excuse(database: Database, lease: Lease) -> None:
    """It goes on by itself once there is room, or it can write, however long that takes."""
    with contextlib.suppress(LeaseLost, *_PASSING), database.work() as work:
        leases.excuse(work, lease)


_GIVEN_UP = f"Given up: {CLAIMS_WITHOUT_PROGRESS} workers ended in the midst of it, one after the other."


def _fail(database: Database, lease: Lease, failure: str) -> bool:
    with database.work() as work:
        leases.fail(work, lease, failure)
    log.warning("task.failed", task=lease.task_id, reason=failure)
    return True


@contextlib.contextmanager
def _kept(database: Database, lease: Lease, activities: Activities) -> Iterator[None]:
    """Renew the lease from a thread, three times a term."""
    third = lease.seconds / 3
    pace = Pace(every=third, delay=third, longest=third, expected=OUTAGES)
    thread = activities.for_a_while("lease", partial(_renew, database, lease), pace)
    thread.start()
    try:
        yield
    finally:
        thread.stop()


def _renew(database: Database, lease: Lease) -> None:
    try:
        with database.work() as work:
            leases.renew(work, lease)
    except LeaseLost:
        # The work itself gets LeaseLost at its next write.
        raise Ended from None
