"""Files that become long work."""

from stockroom.actions import imports
from stockroom.actions.imports import Upload
from stockroom.actions.tasks import Publisher
from stockroom.domain.accounts import Principal
from stockroom.domain.tasks import Task
from stockroom.storage.engines import Work
from stockroom.storage.files import FileStore


def create(
    kind: str,
    dry_run: bool,
    columns: list[str] | None,
    delimiter: str | None,
    encoding: str | None,
    missing: list[str],
    body: Upload,
    *,
    work: Work,
    principal: Principal,
    files: FileStore,
    dispatcher: Publisher,
) -> tuple[Task, dict[str, str]]:
    # Items are the only kind the contract lets through.
    task = imports.begin(
        work,
        owner=principal.subject,
        upload=body,
        files=files,
        publisher=dispatcher,
        dry_run=dry_run,
        columns=columns,
        delimiter=delimiter,
        encoding=encoding,
        missing=missing,
    )
    return task, {"Location": f"/tasks/{task.id}", "Retry-After": "1"}
