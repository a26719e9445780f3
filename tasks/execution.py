"""Run one task: claim it, keep its lease, and record its outcome. Needs no Celery."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import sqlalchemy as sa
import structlog

from stockroom.db.database import Database
from stockroom.work import leases
from stockroom.work.leases import LeaseLost
from stockroom.work.model import Lease, Unworkable

log = structlog.get_logger(__name__)

Run = Callable[[Lease], bool]
"""Does the work to its end, or returns False if it was asked to stop."""

# The database or the file store is unavailable: the lease expires, and a worker claims the task again.
_PASSING = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError, OSError)


def execute(database: Database, task_id: str, run: Run, *, lease_seconds: float) -> None:
    """Run the task, unless it is finished or another worker holds it."""
    with database.work() as work:
        lease = leases.claim(work, task_id, seconds=lease_seconds)
    if lease is None:
        return
    with _kept(database, lease):
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
def _kept(database: Database, lease: Lease) -> Iterator[None]:
    """Renew the lease from a thread, three times a term."""
    over = threading.Event()
    thread = threading.Thread(target=_renew, args=(database, lease, over), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _renew(database: Database, lease: Lease, over: threading.Event) -> None:
    while not over.wait(lease.seconds / 3):
        try:
            with database.work() as work:
                leases.renew(work, lease)
        except LeaseLost:
            # The work itself gets LeaseLost at its next write.
            return
        except sa.exc.SQLAlchemyError as error:
            log.warning("task.lease_not_renewed", task=lease.task_id, reason=repr(error))
