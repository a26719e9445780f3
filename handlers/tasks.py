"""The caller's long work."""

from collections.abc import Mapping
from typing import BinaryIO

from handlers import _paging as paging
from stockroom.accounts.model import Principal
from stockroom.db.connections import Connection
from stockroom.db.files import FileStore
from stockroom.db.unit_of_work import Work
from stockroom.exports import actions as exports
from stockroom.exports.model import Format
from stockroom.work import actions as tasks
from stockroom.work.model import ErrorKind, Task, TaskState


def list_tasks(
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    state: TaskState | None,
    *,
    reader: Connection,
    principal: Principal,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = tasks.list_tasks(reader, principal.subject, request, state)
    return paging.answer("tasks", found, "/tasks", {"count": count, "state": state})


def read(id: str, *, reader: Connection, principal: Principal) -> tuple[Task, dict[str, str]]:
    task = tasks.find(reader, id, principal.subject)
    return task, {"Retry-After": "1"} if task.pending else {}


def cancel(id: str, *, work: Work, principal: Principal, files: FileStore) -> Task:
    return tasks.cancel(work, id, principal.subject, files=files)


def list_errors(
    id: str,
    kind: ErrorKind | None,
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    *,
    reader: Connection,
    principal: Principal,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = tasks.list_errors(reader, id, principal.subject, request, kind)
    return paging.answer("errors", found, f"/tasks/{id}/errors", {"count": count, "kind": kind})


def read_result(
    id: str, *, reader: Connection, principal: Principal, files: FileStore
) -> tuple[BinaryIO, dict[str, str]]:
    task, options, file = exports.result(reader, id, principal=principal, files=files)
    name = f"{options.kind}-{task.created_at:%Y-%m-%d}.{options.format}"
    return file, {
        "Content-Type": _MEDIA_TYPES[options.format],
        "Content-Disposition": f'attachment; filename="{name}"',
        # It never changes.
        "ETag": f'"{task.id}"',
    }


_MEDIA_TYPES: Mapping[Format, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
