"""Imports begin here: the head of the file is read, the file stored, the task written that does the rest."""

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from stockroom.actions import tasks
from stockroom.actions.tasks import Publisher
from stockroom.domain.errors import InvalidCsv
from stockroom.domain.imports import DELIMITERS, ImportOptions, resolve_columns
from stockroom.domain.tasks import Task
from stockroom.storage.csv_head import LONGEST_HEADER, Head, read_head
from stockroom.storage.engines import Work
from stockroom.storage.files import FileStore

KIND = "items-import"

_ENCODINGS = {
    "ascii": "utf-8",
    "cp1252": "windows-1252",
    "iso8859-1": "iso-8859-1",
    "utf-16": "utf-16",
    "utf-16-be": "utf-16",
    "utf-16-le": "utf-16",
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8",
}
"""The contract's encodings by Python's names for them and what they contain."""


class Upload(Protocol):
    """A received file: finished, on the local disk, and its sender's word on the encoding (`charset`)."""

    @property
    def path(self) -> Path: ...
    @property
    def size(self) -> int: ...
    @property
    def charset(self) -> str | None: ...


def begin(
    work: Work,
    *,
    owner: str,
    upload: Upload,
    files: FileStore,
    publisher: Publisher,
    dry_run: bool,
    columns: Sequence[str] | None,
    delimiter: str | None,
    encoding: str | None,
    missing: Sequence[str],
) -> Task:
    """Store the file and enqueue its import as items. `delimiter` and `encoding` are found out if not given.

    Raises InvalidCsv, and stores nothing, if the file is empty or its columns do not give what is needed.
    """
    if not upload.size:
        raise InvalidCsv("The file is empty.")
    encoding = encoding or _encoding(upload.charset)
    with upload.path.open("rb") as source:
        separator = DELIMITERS[delimiter] if delimiter else None
        head = read_head(source, encoding=encoding, delimiter=separator, wanted=columns)
    task_id = str(uuid4())
    options = _options(head, f"{task_id}.csv", dry_run, columns, encoding, missing)
    files.put(upload.path, options.file)
    try:
        return tasks.enqueue(
            work,
            task_id=task_id,
            owner=owner,
            kind=KIND,
            parameters=options.as_parameters(),
            publisher=publisher,
        )
    except BaseException:
        files.delete(options.file)
        raise


def _encoding(charset: str | None) -> str | None:
    if charset is None:
        return None
    try:
        return _ENCODINGS[codecs.lookup(charset).name]
    except (LookupError, ValueError):
        fault = {"detail": "is not one of utf-8, windows-1252, iso-8859-1, utf-16", "parameter": "encoding"}
        raise InvalidCsv(
            "The charset of the Content-Type is not one of this operation.", errors=[fault]
        ) from None


def _options(
    head: Head,
    file: str,
    dry_run: bool,
    wanted: Sequence[str] | None,
    encoding: str | None,
    missing: Sequence[str],
) -> ImportOptions:
    if head.titles is None:
        raise InvalidCsv(
            f"The file does not begin with a row of column titles within {LONGEST_HEADER} bytes."
        )
    columns, faults = resolve_columns(head.titles, wanted)
    if faults:
        errors = [{"detail": fault, "parameter": "columns"} for fault in faults]
        raise InvalidCsv("The columns of the file do not give what an item needs.", errors=errors)
    return ImportOptions(
        file=file,
        dry_run=dry_run,
        delimiter=head.delimiter,
        encoding=encoding,
        # The empty text is no value in any file (contract: POST /imports).
        missing=("", *missing),
        width=len(head.titles),
        columns=columns,
    )
