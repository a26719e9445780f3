"""Begin imports: read the head of the file, store the file, and enqueue the task that does the rest."""

import codecs
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from stockroom.accounts.model import Principal
from stockroom.db.files import FileStore
from stockroom.db.unit_of_work import Work
from stockroom.errors import InvalidCsv, MissingScope
from stockroom.imports.columns import resolve_columns
from stockroom.imports.csv_head import LONGEST_HEADER, Head, read_head
from stockroom.imports.kinds import KINDS, task_kind
from stockroom.imports.model import DELIMITERS, ENCODINGS, Fields, ImportOptions, ImportRequest
from stockroom.imports.readings import reading_of
from stockroom.work import actions as tasks
from stockroom.work.actions import Publisher
from stockroom.work.bounds import Amounts
from stockroom.work.model import Task

SCOPE = "tasks:write"
"""The scopes that the operation requires, whatever the kind."""

_ENCODINGS = {codecs.lookup(name).name: name for name in ENCODINGS} | {
    "ascii": "utf-8",
    "utf-16-be": "utf-16",
    "utf-16-le": "utf-16",
    "utf-8-sig": "utf-8",
}
"""The contract's encodings by Python's names for them and what they contain."""


class UploadedFile(Protocol):
    """A received file: complete, on the local disk, with the encoding that its sender named (`charset`)."""

    @property
    def path(self) -> Path: ...
    @property
    def size(self) -> int: ...
    @property
    def charset(self) -> str | None: ...


def begin(
    work: Work,
    request: ImportRequest,
    *,
    principal: Principal,
    upload: UploadedFile,
    files: FileStore,
    publisher: Publisher,
    bounds: Amounts,
) -> Task:
    """Store the file and enqueue its import.

    Raises MissingScope, InvalidCsv if the file is empty or its columns lack a required field, TooMuchWork or
    FileTooLarge; then nothing is stored.
    """
    kind = KINDS[request.kind]
    if kind.scope not in principal.scopes:
        raise MissingScope(f"Importing {request.kind} needs the scope {kind.scope}.", {SCOPE, kind.scope})
    if not upload.size:
        raise InvalidCsv("The file is empty.")
    encoding = request.encoding or _encoding(upload.charset)
    fields = kind.fields(request)
    with upload.path.open("rb") as source:
        separator = DELIMITERS[request.delimiter] if request.delimiter else None
        head = read_head(
            source,
            fields,
            encoding=encoding,
            delimiter=separator,
            wanted=request.columns,
            line=request.header_line,
        )
    task_id = str(uuid4())
    options, reading = _options(request, head, fields, f"{task_id}.csv", encoding)
    work.after_rollback(partial(tasks.discard, files, options.file))
    files.put(upload.path, options.file)
    return tasks.enqueue(
        work,
        task_id=task_id,
        owner=principal.subject,
        kind=task_kind(request.kind),
        parameters=options.as_parameters() | {"reading": reading},
        publisher=publisher,
        bounds=bounds,
        asked=Amounts(tasks=1, upload_bytes=upload.size),
    )


def _encoding(charset: str | None) -> str | None:
    if charset is None:
        return None
    try:
        return _ENCODINGS[codecs.lookup(charset).name]
    except (LookupError, ValueError):
        fault = {"detail": f"is not one of {', '.join(ENCODINGS)}", "parameter": "encoding"}
        raise InvalidCsv(
            "The charset of the Content-Type is not one of this operation.", errors=[fault]
        ) from None


def _options(
    request: ImportRequest, head: Head, fields: Fields, file: str, encoding: str | None
) -> tuple[ImportOptions, dict[str, Any]]:
    if head.titles is None:
        at = (
            f"have a row of column titles at line {request.header_line}"
            if request.header_line
            else "begin with a row of column titles"
        )
        raise InvalidCsv(f"The file does not {at}, within its first {LONGEST_HEADER} bytes.")
    columns, faults = resolve_columns(head.titles, fields, request.columns)
    if faults:
        errors = [{"detail": fault, "parameter": "columns"} for fault in faults]
        raise InvalidCsv(f"The columns of the file do not give what {request.kind} need.", errors=errors)
    options = ImportOptions(
        kind=request.kind,
        file=file,
        dry_run=request.dry_run,
        delimiter=head.delimiter,
        encoding=encoding,
        # The empty text is no value in any file (contract: POST /imports).
        missing=("", *request.missing),
        width=len(head.titles),
        columns=columns,
        movement=request.movement,
        location=request.location,
        dates=request.dates,
        header=head.line,
    )
    return options, reading_of(options, head.titles)
