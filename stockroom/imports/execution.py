"""Working off an import: a stored file is read row by row and applied in chunks, each one transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.imports.chunks import Chunk, Chunks
from stockroom.imports.csv_lines import survey
from stockroom.imports.csv_rows import read_rows
from stockroom.imports.kinds import KINDS
from stockroom.imports.model import Checked, Fields, FileRow, ImportOptions, Rejection, read_row, shown
from stockroom.imports.readings import with_encoding
from stockroom.work import leases
from stockroom.work.model import Lease

CHUNK = 1_000
"""Rows a transaction."""

_AT_ONCE = 100
"""Rows that are read before those who wait for the database are looked after again."""

Validate = Callable[[Mapping[str, Any]], list[tuple[str | None, str]]]
"""Holds a row against the contract: (field or None, message) for each fault."""

Validators = Mapping[str, Validate]
"""Validators by the name of their schema."""


def run(
    database: Database,
    files: FileStore,
    lease: Lease,
    *,
    validators: Validators,
    stopping: Callable[[], bool],
) -> bool:
    """Import from where the task stands to the end of its file; False if `stopping` said to leave off before.

    Raises LeaseLost once the task is cancelled or another's, FileNotFoundError if its file is gone, and
    Unworkable.
    """
    options = ImportOptions.from_parameters(lease.parameters)
    kind = KINDS[options.kind]
    with files.open(options.file) as source:
        found = survey(source, options.encoding)
    with database.work() as work:
        # Without the header. Empty lines and values of several lines make it less in the end.
        total = max(found.lines - options.header, lease.done)
        leases.renew(work, lease, total=total, parameters=with_encoding(lease.parameters, found.encoding))
    applier = kind.applier(lease, options)
    chunks = Chunks(database, lease, applier)
    with files.open(options.file) as source:
        rows = _checked(source, found.encoding, options, kind.fields(options), validators[kind.schema])
        divided = _divided(rows, lease.done, again=applier.forgets)
        if not asyncio.run(_work_off(database, chunks, divided, stopping)):
            return False
    with database.work() as work:
        leases.finish(work, lease, done=chunks.progress.done, summary=chunks.progress.summary)
    return True


def _checked(
    source: BinaryIO, encoding: str, options: ImportOptions, fields: Fields, validate: Validate
) -> Iterator[Checked]:
    # Rows are checked while they are read, so that no chunk of oversized values is ever held.
    rows = read_rows(
        source,
        encoding=encoding,
        delimiter=options.delimiter,
        width=options.width,
        columns=options.columns,
        fields=fields,
        header=options.header,
    )
    missing = frozenset(options.missing)
    for row in rows:
        yield [row] if isinstance(row, Rejection) else _check(row, options, fields, missing, validate)


def _check(
    row: FileRow, options: ImportOptions, fields: Fields, missing: frozenset[str], validate: Validate
) -> Checked:
    values, faults = read_row(row.values, fields, missing)
    # What is missing is known by now; stand-ins let the other values be judged all the same.
    against_contract = validate({**fields.required, **values} if faults else values)
    if not faults and not against_contract:
        return row.line, values
    rejections = []
    for name, reason in [*faults, *against_contract]:
        column = options.columns.get(name) if name else None
        value = row.values[name] if name and column else ""
        title = column.title if column else None
        rejections.append(Rejection(row.line, title, reason, shown(value) or None, row.lines))
    return rejections


async def _work_off(
    database: Database, chunks: Chunks, rows: AsyncIterator[Chunk], stopping: Callable[[], bool]
) -> bool:
    """Whether all were applied."""
    try:
        async for chunk in rows:
            if stopping():
                break
            await chunks.begin(chunk)
        else:
            await chunks.end()
            return True
        await chunks.end()
    finally:
        await database.close()
    return False


async def _divided(rows: Iterator[Checked], done: int, *, again: bool) -> AsyncIterator[Chunk]:
    """The rows by chunks. The first `done` are not new, and come only if `again`."""
    earlier = islice(rows, done)
    while taken := await _taken(earlier):
        if again:
            yield Chunk(taken, is_new=False)
    while taken := await _taken(rows):
        yield Chunk(taken, is_new=True)


async def _taken(rows: Iterator[Checked]) -> list[Checked]:
    taken: list[Checked] = []
    while some := list(islice(rows, min(_AT_ONCE, CHUNK - len(taken)))):
        taken += some
        await asyncio.sleep(0)
    return taken
