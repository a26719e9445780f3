"""Imports: files that long work processes."""

from stockroom.actions import imports
from stockroom.actions.imports import Upload
from stockroom.actions.tasks import Publisher
from stockroom.domain.accounts import Principal
from stockroom.domain.imports import Kind, Wishes
from stockroom.domain.tasks import Task
from stockroom.storage.engines import Work
from stockroom.storage.files import FileStore


def create(
    kind: Kind,
    dry_run: bool,
    columns: list[str] | None,
    delimiter: str | None,
    encoding: str | None,
    movement: str,
    location: str | None,
    dates: str,
    missing: list[str],
    body: Upload,
    *,
    work: Work,
    principal: Principal,
    files: FileStore,
    dispatcher: Publisher,
) -> tuple[Task, dict[str, str]]:
    wishes = Wishes(
        kind=kind,
        dry_run=dry_run,
        columns=columns,
        delimiter=delimiter,
        encoding=encoding,
        missing=missing,
        movement=movement,
        location=location,
        dates=dates,
    )
    task = imports.begin(work, wishes, principal=principal, upload=body, files=files, publisher=dispatcher)
    return task, {"Location": f"/tasks/{task.id}", "Retry-After": "1"}
