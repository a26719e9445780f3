"""The caller's long work."""

import sqlalchemy as sa

from handlers import _paging as paging
from stockroom.actions import tasks
from stockroom.domain.accounts import Principal
from stockroom.domain.tasks import ErrorKind, State, Task
from stockroom.storage.engines import Work


def list_tasks(
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    state: State | None,
    *,
    reader: sa.Connection,
    principal: Principal,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = tasks.list_tasks(reader, principal.subject, request, state)
    return paging.answer("tasks", found, "/tasks", {"count": count, "state": state})


def read(id: str, *, reader: sa.Connection, principal: Principal) -> tuple[Task, dict[str, str]]:
    task = tasks.find(reader, id, principal.subject)
    return task, {"Retry-After": "1"} if task.pending else {}


def cancel(id: str, *, work: Work, principal: Principal) -> Task:
    return tasks.cancel(work, id, principal.subject)


def list_errors(
    id: str,
    kind: ErrorKind | None,
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    *,
    reader: sa.Connection,
    principal: Principal,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = tasks.list_errors(reader, id, principal.subject, request, kind)
    return paging.answer("errors", found, f"/tasks/{id}/errors", {"count": count, "kind": kind})
