"""Leases of tasks: one worker at a time holds a task, and writes of any other are refused."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.work import lease_queries
from stockroom.work.model import Backlog, Lease, LeaseLost

__all__ = [
    "LeaseLost",
    "backlog",
    "claim",
    "excuse",
    "fail",
    "finish",
    "is_any_waiting",
    "progress",
    "release",
    "renew",
    "take",
]

_LONGEST_FAILURE = 500


def is_any_waiting(reader: Connection, besides: Collection[str], now: datetime) -> bool:
    """Whether a task waits for a worker whose owner is not one of `besides`."""
    return lease_queries.next_in_turn(reader, besides, now) is not None


def backlog(reader: Connection, now: datetime) -> dict[str, Backlog]:
    """What there is to do, by the kinds of tasks of which there is any."""
    return lease_queries.backlog(reader, now)


def take(work: Work, *, seconds: float, besides: Collection[str] = ()) -> Lease | None:
    """Claim the task whose turn it is, of an owner who is not one of `besides`; None if no such task waits.

    The turn is that of the owner with the fewest tasks at work, of several who was served longest ago, with
    the oldest task.
    """
    while (task_id := lease_queries.next_in_turn(work.connection, besides, work.now)) is not None:
        # Another worker may have been quicker; then the turn is another's.
        if (lease := claim(work, task_id, seconds=seconds)) is not None:
            return lease
    return None


def claim(work: Work, task_id: str, *, seconds: float) -> Lease | None:
    """Claim the task for `seconds`. None if it is finished, gone, or leased by a worker that is alive."""
    return lease_queries.claim(work.connection, task_id, seconds=seconds, now=work.now)


def renew(
    work: Work,
    lease: Lease,
    *,
    total: int | None = None,
    done: int | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> None:
    """Renew the lease, and store what is given of the rows in `total`, those `done` and `parameters`.

    Raises LeaseLost.

    At the start of a transaction this also keeps others from claiming the task until the transaction ends.
    Work that starts over with each claim reports `done` here: this does not count as progress.
    """
    given = {"total": total, "done": done, "parameters": parameters}
    known = {name: value for name, value in given.items() if value is not None}
    lease_queries.write(work.connection, lease, {"lease_until": _term(work, lease), **known})


def progress(work: Work, lease: Lease, *, done: int, errors: int, summary: Mapping[str, int]) -> None:
    """Store the progress in the transaction of the work. LeaseLost must roll that transaction back."""
    standing = {"done": done, "errors": errors, "summary": dict(summary), "claims": 0}
    lease_queries.write(work.connection, lease, {"lease_until": _term(work, lease), **standing})


def finish(
    work: Work, lease: Lease, *, done: int, summary: Mapping[str, int] | None = None, size: int = 0
) -> None:
    """End the task as succeeded, with all its `done` rows and a `summary`, if any, and a file of `size` bytes
    that it has made. Raises LeaseLost.
    """
    ended = {
        "state": "succeeded",
        "done": done,
        "total": done,
        "finished_at": work.now,
        "lease_until": None,
        "bytes": size,
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
        "bytes": 0,
    }
    lease_queries.write(work.connection, lease, ended)


def release(work: Work, lease: Lease) -> None:
    """Return the task to the queue, for another worker to resume. Raises LeaseLost."""
    # Unpublished, so that the next sweep publishes it at once. The claim does not count: the work did not
    # fail.
    free = {"state": "queued", "lease_until": None, "published_at": None, "claims": 0}
    lease_queries.write(work.connection, lease, free)


def excuse(work: Work, lease: Lease) -> None:
    """Have the claims so far not count, for the work did not fail. It is free once the lease expires. Raises
    LeaseLost.
    """
    lease_queries.write(work.connection, lease, {"claims": 0})


def _term(work: Work, lease: Lease) -> object:
    return work.now + timedelta(seconds=lease.seconds)
