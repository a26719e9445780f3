"""Leases of tasks: one worker at a time holds a task, and writes of any other are refused."""

from collections.abc import Mapping
from datetime import timedelta

from stockroom.db.unit_of_work import Work
from stockroom.work import lease_queries
from stockroom.work.model import CLAIMS_WITHOUT_PROGRESS, Lease, LeaseLost

__all__ = ["LeaseLost", "claim", "fail", "finish", "progress", "release", "renew"]

_LONGEST_FAILURE = 500


def claim(work: Work, task_id: str, *, seconds: float) -> Lease | None:
    """Claim the task for `seconds`. None if it is finished, gone, or leased by a worker that is alive.

    A task that was claimed five times without progress fails instead.
    """
    claimed = lease_queries.claim(work.connection, task_id, seconds=seconds, now=work.now)
    if claimed is None:
        return None
    lease, claims = claimed
    if claims > CLAIMS_WITHOUT_PROGRESS:
        fail(
            work,
            lease,
            f"Given up: {CLAIMS_WITHOUT_PROGRESS} workers ended in the midst of it, one after the other.",
        )
        return None
    return lease


def renew(work: Work, lease: Lease, *, total: int | None = None, done: int | None = None) -> None:
    """Renew the lease, and store the `total` rows and those `done` if given. Raises LeaseLost.

    At the start of a transaction this also keeps others from claiming the task until the transaction ends.
    Work that starts over with each claim reports `done` here: this does not count as progress.
    """
    counted = {name: rows for name, rows in {"total": total, "done": done}.items() if rows is not None}
    lease_queries.write(work.connection, lease, {"lease_until": _term(work, lease), **counted})


def progress(work: Work, lease: Lease, *, done: int, errors: int, summary: Mapping[str, int]) -> None:
    """Store the progress in the transaction of the work. LeaseLost must roll that transaction back."""
    standing = {"done": done, "errors": errors, "summary": dict(summary), "claims": 0}
    lease_queries.write(work.connection, lease, {"lease_until": _term(work, lease), **standing})


def finish(work: Work, lease: Lease, *, done: int, summary: Mapping[str, int] | None = None) -> None:
    """End the task as succeeded, with all its `done` rows and a `summary`, if any. Raises LeaseLost."""
    ended = {
        "state": "succeeded",
        "done": done,
        "total": done,
        "finished_at": work.now,
        "lease_until": None,
    }
    lease_queries.write(
        work.connection, lease, ended if summary is None else ended | {"summary": dict(summary)}
    )


def fail(work: Work, lease: Lease, failure: str) -> None:
    """End the task as failed; `failure` tells its owner why, in a sentence. Raises LeaseLost."""
    ended = {
        "state": "failed",
        "failure": failure[:_LONGEST_FAILURE],
        "finished_at": work.now,
        "lease_until": None,
    }
    lease_queries.write(work.connection, lease, ended)


def release(work: Work, lease: Lease) -> None:
    """Return the task to the queue, for another worker to resume. Raises LeaseLost."""
    # Unpublished, so that the next sweep publishes it at once. The claim does not count: the work did not
    # fail.
    free = {"state": "queued", "lease_until": None, "published_at": None, "claims": 0}
    lease_queries.write(work.connection, lease, free)


def _term(work: Work, lease: Lease) -> object:
    return work.now + timedelta(seconds=lease.seconds)
