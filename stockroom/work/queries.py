"""Tasks as their owners see them, and the errors in their files."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.pages import Listing, Page, PageRequest, SortKey, paginate
from stockroom.db.statements import Row
from stockroom.db.tables import task_errors, tasks, users
from stockroom.work.model import UNFINISHED, ErrorKind, Progress, Task, TaskError, TaskState

_SHOWN = sa.select(
    tasks.c.id,
    tasks.c.kind,
    tasks.c.parameters,
    tasks.c.state,
    tasks.c.done,
    tasks.c.total,
    tasks.c.errors,
    tasks.c.summary,
    tasks.c.failure,
    tasks.c.created_at,
    tasks.c.started_at,
    tasks.c.finished_at,
)
_NEWEST_FIRST = (SortKey(tasks.c.created_at, descending=True), SortKey(tasks.c.id, descending=True))

_ERRORS = sa.select(
    task_errors.c.id,
    task_errors.c.line,
    task_errors.c.column,
    task_errors.c.kind,
    task_errors.c.reason,
    task_errors.c.value,
)
_INPUT_ORDER = (SortKey(task_errors.c.id),)

_insert = tasks.insert()
_insert_error = task_errors.insert()
_id = tasks.c.id == sa.bindparam("task")
_find = _SHOWN.where(_id, tasks.c.owner == sa.bindparam("owner"))
_attempt = sa.select(tasks.c.parameters, tasks.c.fence).where(_id)
_cancel = (
    tasks.update()
    .where(_id, tasks.c.owner == sa.bindparam("whose"), tasks.c.state.in_(UNFINISHED))
    .values(
        state="cancelled",
        finished_at=sa.bindparam("now", type_=tasks.c.finished_at.type),
        lease_until=None,
        bytes=0,
    )
)

# FOR NO KEY UPDATE, as whoever refers to the account may go on meanwhile. SQLite has one writer.
_lock_owner = (
    sa.select(users.c.username)
    .where(users.c.username == sa.bindparam("owner"))
    .with_for_update(key_share=True)
)
# A sum of integers is `numeric` in PostgreSQL.
_bytes = sa.cast(sa.func.coalesce(sa.func.sum(tasks.c.bytes), 0), sa.BigInteger)
_unfinished_of = sa.select(sa.func.count().label("tasks"), _bytes.label("bytes")).where(
    tasks.c.owner == sa.bindparam("owner"), tasks.c.state.in_(UNFINISHED)
)
_made_by = sa.select(_bytes).where(
    tasks.c.owner == sa.bindparam("owner"),
    tasks.c.state == "succeeded",
    tasks.c.finished_at > sa.bindparam("since", type_=tasks.c.finished_at.type),
)

LONGEST_REASON = 300
"""The most characters of a fault that are kept."""


def insert(
    connection: Connection,
    *,
    id: str,
    owner: str,
    kind: str,
    parameters: Mapping[str, Any],
    size: int,
    now: datetime,
) -> None:
    """Insert a queued task, made from a file of `size` bytes. It counts as published: its message follows
    the commit.
    """
    row = {
        "id": id,
        "owner": owner,
        "kind": kind,
        "parameters": parameters,
        "state": "queued",
        "done": 0,
        "errors": 0,
        "created_at": now,
        "fence": 0,
        "claims": 0,
        "published_at": now,
        "bytes": size,
    }
    connection.execute(_insert, row)


def lock_owner(connection: Connection, owner: str) -> None:
    """Have others who begin tasks of this account wait until the transaction ends."""
    connection.execute(_lock_owner, {"owner": owner})


def held_by(reader: Connection, owner: str, *, since: datetime) -> dict[str, int]:
    """The unfinished tasks of an account, the bytes that they are made from, and those of files that it has
    had made `since` then.
    """
    unfinished = reader.execute(_unfinished_of, {"owner": owner}).one()
    made = reader.scalar(_made_by, {"owner": owner, "since": since})
    return {"tasks": unfinished.tasks, "upload_bytes": unfinished.bytes, "export_bytes": made}


def find(connection: Connection, id: str, owner: str) -> Task | None:
    row = connection.execute(_find, {"task": id, "owner": owner}).one_or_none()
    return None if row is None else _task(row)


def attempt(reader: Connection, id: str) -> tuple[Mapping[str, Any], int]:
    """The parameters of a task, and the fencing token of its latest claim."""
    row = reader.execute(_attempt, {"task": id}).one()
    return row.parameters, row.fence


def page(reader: Connection, owner: str, request: PageRequest, state: TaskState | None) -> Page[Task]:
    listing = _listing(state=state is not None)
    return paginate(reader, listing, request=request, read=_task, values={"owner": owner, "state": state})


@cache
def _listing(*, state: bool) -> Listing:
    query = _SHOWN.where(tasks.c.owner == sa.bindparam("owner"))
    if state:
        query = query.where(tasks.c.state == sa.bindparam("state"))
    return Listing(query, _NEWEST_FIRST)


def cancel(connection: Connection, id: str, owner: str, now: datetime) -> bool:
    """End the owner's task; False if it is not the owner's or has ended."""
    return connection.execute(_cancel, {"task": id, "whose": owner, "now": now}).rowcount == 1


def page_errors(reader: Connection, id: str, request: PageRequest, kind: ErrorKind | None) -> Page[TaskError]:
    listing = _listing_of_errors(kind=kind is not None)
    return paginate(reader, listing, request=request, read=_error, values={"task": id, "kind": kind})


@cache
def _listing_of_errors(*, kind: bool) -> Listing:
    query = _ERRORS.where(task_errors.c.task_id == sa.bindparam("task"))
    if kind:
        query = query.where(task_errors.c.kind == sa.bindparam("kind"))
    return Listing(query, _INPUT_ORDER)


def add_errors(connection: Connection, id: str, errors: Iterable[TaskError]) -> None:
    rows = [
        {
            "task_id": id,
            "kind": error.kind,
            "line": error.line,
            "column": error.column,
            "reason": error.reason[:LONGEST_REASON],
            "value": error.value,
        }
        for error in errors
    ]
    if rows:
        connection.execute(_insert_error, rows)


def _task(row: Row) -> Task:
    return Task(
        id=row.id,
        kind=row.kind,
        dry_run=bool(row.parameters.get("dry_run")),
        state=row.state,
        progress=Progress(row.done, row.total),
        errors=row.errors,
        # Stored from the first chunk on, and shown once the task has succeeded (contract: Task).
        summary=row.summary if row.state == "succeeded" else None,
        reading=row.parameters.get("reading"),
        failure=row.failure,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _error(row: Row) -> TaskError:
    return TaskError(line=row.line, column=row.column, kind=row.kind, reason=row.reason, value=row.value)
