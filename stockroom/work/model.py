"""Long work: a task, its progress, and the lease under which one worker runs it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from stockroom.frozen import frozen

TaskState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
UNFINISHED: tuple[TaskState, ...] = ("queued", "running")

ErrorKind = Literal["rejected", "merged"]

RESULT_KEPT = timedelta(hours=24)
"""How long the file that a task made is kept."""

CLAIMS_WITHOUT_PROGRESS = 5
"""Claims without progress until a task is given up: the work itself may crash its workers."""


@frozen
class Progress:
    """Rows done so far, and their total; None until they are counted."""

    done: int
    total: int | None


@frozen
class Task:
    """Long work as its owner sees it (contract: Task).

    `errors` counts the entries of its error list; `reading` is how an import reads its file.
    """

    id: str
    kind: str
    dry_run: bool
    state: TaskState
    progress: Progress
    errors: int
    summary: Mapping[str, int] | None
    reading: Mapping[str, Any] | None
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

    `fence` is the fencing token: it grows with each claim, and a write with a lower one is refused. `claims`
    counts them since the last progress, with this one. The other members are the progress at the time of the
    claim.
    """

    task_id: str
    owner: str
    fence: int
    claims: int
    seconds: float
    kind: str
    parameters: Mapping[str, Any]
    done: int
    total: int | None
    errors: int
    summary: Mapping[str, int] | None

    @property
    def is_hopeless(self) -> bool:
        return self.claims > CLAIMS_WITHOUT_PROGRESS

    @property
    def source(self) -> str | None:
        """The name of the stored file that the task is made from, if it is from one."""
        return source_of(self.parameters)


@frozen
class Standing:
    """A lease as others see it: under which fencing token it is held, and until when."""

    task_id: str
    fence: int
    until: datetime


@frozen
class Backlog:
    """Tasks that wait for a worker, or are at work; and since when the oldest of those that wait does."""

    waiting: int
    at_work: int
    since: datetime | None


def source_of(parameters: Mapping[str, Any]) -> str | None:
    name: str | None = parameters.get("file")
    return name


class Unworkable(Exception):
    """The work cannot be done; the text tells its owner why."""


class LeaseLost(Exception):
    """The task was cancelled or claimed by another worker; the pending write must not happen."""
