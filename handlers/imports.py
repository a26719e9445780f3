"""Imports: files that long work processes."""

from stockroom.accounts.model import Principal
from stockroom.db.files import FileStore
from stockroom.db.unit_of_work import Work
from stockroom.imports import actions as imports
from stockroom.imports.actions import UploadedFile
from stockroom.imports.model import ImportKind, ImportRequest
from stockroom.work.actions import Publisher
from stockroom.work.bounds import Amounts
from stockroom.work.model import Task


def create(
    kind: ImportKind,
    dry_run: bool,
    columns: list[str] | None,
    delimiter: str | None,
    encoding: str | None,
    movement: str,
    location: str | None,
    dates: str,
    header_line: int | None,
    missing: list[str],
    body: UploadedFile,
    *,
    work: Work,
    principal: Principal,
    files: FileStore,
    publisher: Publisher,
    bounds: Amounts,
) -> tuple[Task, dict[str, str]]:
    request = ImportRequest(
        kind=kind,
        dry_run=dry_run,
        columns=columns,
        delimiter=delimiter,
        encoding=encoding,
        missing=missing,
        movement=movement,
        location=location,
        dates=dates,
        header_line=header_line,
    )
    task = imports.begin(
        work, request, principal=principal, upload=body, files=files, publisher=publisher, bounds=bounds
    )
    return task, {"Location": f"/tasks/{task.id}", "Retry-After": "1"}
