"""Run one task: claim it, keep its lease, and record its outcome. Needs no Celery."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

import sqlalchemy as sa
import structlog

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Ended, Pace
from stockroom.db.database import OUTAGES, Database
from stockroom.work import leases
from stockroom.work.leases import LeaseLost
from stockroom.work.model import Lease, Unworkable

log = structlog.get_logger(__name__)

Run = Callable[[Lease], bool]
"""Does the work to its end, or returns False if it was asked to stop."""

# The database or the file store is unavailable: the lease expires, and a worker claims the task again.
_PASSING = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, OSError)


def execute(
    database: Database, task_id: str, run: Run, *, lease_seconds: float, activities: Activities
) -> None:
    """Run the task, unless it is finished or another worker holds it."""
    with database.work() as work:
        lease = leases.claim(work, task_id, seconds=lease_seconds)
    if lease is None:
        return
    with _kept(database, lease, activities):
        try:
            _attempt(database, lease, run)
        except LeaseLost:
            log.info("task.lost", task=task_id, reason="cancelled, or taken over by another worker")
        except _PASSING as error:
            log.warning("task.interrupted", task=task_id, reason=repr(error))


def _attempt(database: Database, lease: Lease, run: Run) -> None:
    try:
        finished = run(lease)
    except FileNotFoundError:
        log.exception("task.failed", task=lease.task_id)
        _fail(database, lease, "The file of the task is gone.")
    except Unworkable as reason:
        _fail(database, lease, str(reason))
    except (LeaseLost, *_PASSING):
        raise
    except Exception:
        log.exception("task.failed", task=lease.task_id)
        _fail(database, lease, "The work ended in an unexpected error; what was done before it stays.")
    else:
        if not finished:
            with database.work() as work:
                leases.release(work, lease)
            log.info("task.released", task=lease.task_id)


def _fail(database: Database, lease: Lease, failure: str) -> None:
    with database.work() as work:
        leases.fail(work, lease, failure)


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
