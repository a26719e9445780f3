"""Long work: started, watched and cancelled by its owner, who alone sees it."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol
from uuid import uuid4

import structlog

from stockroom.db.connections import Connection
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import NotFound, TaskFinished
from stockroom.work import queries
from stockroom.work.bounds import Amounts, require_room
from stockroom.work.model import ErrorKind, Task, TaskError, TaskState, source_of

log = structlog.get_logger(__name__)


class Publisher(Protocol):
    """Publishes a task to the workers; returns at once and never raises. The sweep repeats a message that was
    lost.
    """

    def publish(self, task_id: str) -> None: ...


class Files(Protocol):
    """Where the files of tasks are kept."""

    def delete(self, name: str) -> None: ...


def enqueue(
    work: Work,
    *,
    owner: str,
    kind: str,
    parameters: Mapping[str, Any],
    publisher: Publisher,
    bounds: Amounts,
    asked: Amounts,
    task_id: str | None = None,
) -> Task:
    """Insert a task that takes what is `asked` of what its owner may have, and publish it after the commit.

    Raises TooMuchWork or FileTooLarge beyond the `bounds`; requests of one account wait for each other here.
    """
    task_id = task_id or str(uuid4())
    queries.lock_owner(work.connection, owner)
    require_room(work.connection, owner, bounds, asked=asked, now=work.now)
    queries.insert(
        work.connection,
        id=task_id,
        owner=owner,
        kind=kind,
        parameters=parameters,
        size=asked.upload_bytes,
        now=work.now,
    )
    work.after_commit(partial(publisher.publish, task_id))
    return find(work.connection, task_id, owner)


def find(reader: Connection, id: str, owner: str) -> Task:
    """Raises NotFound, also for tasks of others."""
    task = queries.find(reader, id.lower(), owner)
    if task is None:
        raise NotFound(f"You have no task {id}.")
    return task


def list_tasks(
    reader: Connection, owner: str, request: PageRequest, state: TaskState | None = None
) -> Page[Task]:
    """List the owner's tasks, newest first. Raises InvalidRequest for a cursor of another list."""
    return queries.page(reader, owner, request, state)


def cancel(work: Work, id: str, owner: str, *, files: Files) -> Task:
    """End a queued or running task at once. Its worker cannot commit another chunk; committed ones stay. The
    file that it was made from goes after the commit.

    Raises NotFound, and TaskFinished if the task has ended already.
    """
    if queries.cancel(work.connection, id.lower(), owner, work.now):
        parameters, _ = queries.attempt(work.connection, id.lower())
        work.after_commit(partial(discard, files, source_of(parameters)))
        return find(work.connection, id, owner)
    task = find(work.connection, id, owner)
    raise TaskFinished(f"The task has {_ENDED[task.state]} and cannot be cancelled.")


_ENDED: dict[TaskState, str] = {"succeeded": "succeeded", "failed": "failed", "cancelled": "been cancelled"}


def discard(files: Files, name: str | None) -> None:
    """Delete the file of a task that has ended, if it has one. Retention tries again where that fails."""
    if name is None:
        return
    try:
        files.delete(name)
    except Exception as error:  # noqa: BLE001 - whatever kind of store it is, the task has ended all the same
        log.warning("task.file_not_deleted", file=name, reason=repr(error))


def list_errors(
    reader: Connection, id: str, owner: str, request: PageRequest, kind: ErrorKind | None = None
) -> Page[TaskError]:
    """List faults and mergers in the order of the file. Raises NotFound; InvalidRequest for a cursor of
    another list.
    """
    task = find(reader, id, owner)
    return queries.page_errors(reader, task.id, request, kind)
