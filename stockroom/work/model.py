"""Long work: a task, its progress, and the lease under which one worker runs it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from stockroom.frozen import frozen

TaskState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
UNFINISHED: tuple[TaskState, ...] = ("queued", "running")

ErrorKind = Literal["rejected", "merged"]

CLAIMS_WITHOUT_PROGRESS = 5
"""Claims without progress until a task is given up: the work itself may crash its workers."""


@frozen
class Progress:
    """Rows done so far, and their total; None until they are counted."""

    done: int
    total: int | None


@frozen
class Task:
    """Long work as its owner sees it (contract: Task). `errors` counts the entries of its error list."""

    id: str
    kind: str
    dry_run: bool
    state: TaskState
    progress: Progress
    errors: int
    summary: Mapping[str, int] | None
    failure: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def pending(self) -> bool:
        return self.state in UNFINISHED


@frozen
class TaskError:
    """One fault or merger in the input, by physical line from 1 (contract: TaskError)."""

    line: int
    column: str | None
    kind: ErrorKind
    reason: str
    value: str | None


@frozen
class Lease:
    """The right to run a task until the lease expires, unless it is renewed.

    `fence` is the fencing token: it grows with each claim, and a write with a lower one is refused. The other
    members are the progress at the time of the claim.
    """

    task_id: str
    owner: str
    fence: int
    seconds: float
    kind: str
    parameters: Mapping[str, Any]
    done: int
    total: int | None
    errors: int
    summary: Mapping[str, int] | None


class Unworkable(Exception):
    """The work cannot be done; the text tells its owner why."""


class LeaseLost(Exception):
    """The task was cancelled or claimed by another worker; the pending write must not happen."""
