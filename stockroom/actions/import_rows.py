"""Run an import: a stored file is read row by row and applied in chunks, each in one transaction."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from stockroom.actions import leases
from stockroom.actions.import_chunks import Chunk, Chunks
from stockroom.actions.import_kinds import KINDS
from stockroom.domain.imports import Checked, Fields, ImportOptions, Rejection, Row, read_row, shown
from stockroom.domain.tasks import Lease
from stockroom.storage.csv_lines import survey
from stockroom.storage.csv_rows import read_rows
from stockroom.storage.engines import Database
from stockroom.storage.files import FileStore

CHUNK = 1_000
"""Rows in one transaction."""

_AT_ONCE = 100
"""Rows that are read before the event loop serves the chunks that wait for the database."""

Validate = Callable[[Mapping[str, Any]], list[tuple[str | None, str]]]
"""Validates a row against the contract: (field or None, message) for each fault."""

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
    """Import from the task's progress to the end of its file; False if `stopping` asked to stop before.

    Raises LeaseLost once the task is cancelled or belongs to another worker, FileNotFoundError if its file is
    gone, and Unworkable.
    """
    options = ImportOptions.from_parameters(lease.parameters)
    kind = KINDS[options.kind]
    with files.open(options.file) as source:
        found = survey(source, options.encoding)
    with database.work() as work:
        # Without the header. Empty lines and values with line breaks make the final number smaller.
        leases.renew(work, lease, total=max(found.lines - 1, lease.done))
    applier = kind.applier(lease, options)
    chunks = Chunks(database, lease, applier)
    with files.open(options.file) as source:
        rows = _checked(source, found.encoding, options, kind.fields(options), validators[kind.schema])
        divided = _divided(rows, lease.done, again=applier.forgets)
        if not asyncio.run(_work_off(chunks, divided, stopping)):
            return False
    with database.work() as work:
        leases.finish(work, lease, done=chunks.standing.done, summary=chunks.standing.summary)
    with contextlib.suppress(OSError):
        # Housekeeping tries again.
        files.delete(options.file)
    return True


def _checked(
    source: BinaryIO, encoding: str, options: ImportOptions, fields: Fields, validate: Validate
) -> Iterator[Checked]:
    # Rows are validated as they are read, so that no chunk holds oversized values.
    rows = read_rows(
        source,
        encoding=encoding,
        delimiter=options.delimiter,
        width=options.width,
        columns=options.columns,
    )
    missing = frozenset(options.missing)
    for row in rows:
        yield [row] if isinstance(row, Rejection) else _check(row, options, fields, missing, validate)


def _check(
    row: Row, options: ImportOptions, fields: Fields, missing: frozenset[str], validate: Validate
) -> Checked:
    values, faults = read_row(row.values, fields, missing)
    # Missing fields are reported already; placeholders let the contract validate the other values.
    against_contract = validate({**fields.required, **values} if faults else values)
    if not faults and not against_contract:
        return row.line, values
    rejections = []
    for name, reason in [*faults, *against_contract]:
        column = options.columns.get(name) if name else None
        value = row.values[name] if name and column else ""
        title = column.title if column else None
        rejections.append(Rejection(row.line, title, reason, shown(value) or None))
    return rejections


async def _work_off(chunks: Chunks, rows: AsyncIterator[Chunk], stopping: Callable[[], bool]) -> bool:
    """Apply all chunks; False if `stopping` asked to stop before the end."""
    async for chunk in rows:
        if stopping():
            await chunks.end()
            return False
        await chunks.begin(chunk)
    await chunks.end()
    return True


async def _divided(rows: Iterator[Checked], done: int, *, again: bool) -> AsyncIterator[Chunk]:
    """Divide the rows into chunks. The first `done` rows are not new; they are included only if `again`."""
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
