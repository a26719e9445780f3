"""Working off an import: a stored file is read row by row and applied in chunks, each one transaction."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, BinaryIO, Self

from stockroom.actions import leases
from stockroom.actions.import_kinds import KINDS
from stockroom.domain.imports import Applied, Fields, ImportOptions, Rejection, Row, Valid, read_row, shown
from stockroom.domain.tasks import Lease
from stockroom.storage import tasks
from stockroom.storage.csv_lines import survey
from stockroom.storage.csv_rows import read_rows
from stockroom.storage.engines import Database, Work
from stockroom.storage.files import FileStore

CHUNK = 1_000
"""Rows a transaction."""

LISTED = 100_000
"""Entries of a task's error list at most; what comes after them is counted in the summary only."""

_SUMMARY = ("created", "updated", "unchanged", "merged", "rejected")

Validate = Callable[[Mapping[str, Any]], list[tuple[str | None, str]]]
"""Holds a row against the contract: (field or None, message) for each fault."""

Validators = Mapping[str, Validate]
"""Validators by the name of their schema."""

_Checked = Valid | list[Rejection]
"""A row, or why it is refused."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the task's row holds after a chunk."""

    done: int
    errors: int
    summary: Mapping[str, int]

    def after(self, rows: int, errors: int, counts: Mapping[str, int], rejected: int) -> Self:
        summary = {name: self.summary.get(name, 0) + counts.get(name, 0) for name in _SUMMARY}
        summary["rejected"] += rejected
        return replace(self, done=self.done + rows, errors=self.errors + errors, summary=summary)


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
        leases.renew(work, lease, total=max(found.lines - 1, lease.done))
    standing = _Standing(lease.done, lease.errors, lease.summary or dict.fromkeys(_SUMMARY, 0))
    applier = kind.applier(lease, options)
    with files.open(options.file) as source:
        rows = _checked(source, found.encoding, options, kind.fields(options), validators[kind.schema])
        for is_new, chunk in _chunks(rows, lease.done, again=applier.forgets):
            if stopping():
                return False
            with database.work() as work:
                leases.renew(work, lease)
                applied = applier.apply(work, [row for row in chunk if isinstance(row, tuple)])
                if is_new:
                    standing = _note(work, lease, chunk, applied, standing)
    with database.work() as work:
        leases.finish(work, lease, done=standing.done, summary=standing.summary)
    with contextlib.suppress(OSError):
        # Housekeeping tries again.
        files.delete(options.file)
    return True


def _checked(
    source: BinaryIO, encoding: str, options: ImportOptions, fields: Fields, validate: Validate
) -> Iterator[_Checked]:
    # Rows are checked while they are read, so that no chunk of oversized values is ever held.
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
) -> _Checked:
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
        rejections.append(Rejection(row.line, title, reason, shown(value) or None))
    return rejections


def _chunks(rows: Iterator[_Checked], done: int, *, again: bool) -> Iterator[tuple[bool, list[_Checked]]]:
    """The rows by chunks, and whether they are new: the first `done` are not, and come only if `again`."""
    earlier = islice(rows, done)
    while chunk := list(islice(earlier, CHUNK)):
        if again:
            yield False, chunk
    while chunk := list(islice(rows, CHUNK)):
        yield True, chunk


def _note(work: Work, lease: Lease, rows: list[_Checked], applied: Applied, standing: _Standing) -> _Standing:
    refused = [row for row in rows if isinstance(row, list)]
    errors = [*(rejection.as_error() for row in refused for rejection in row), *applied.errors]
    listed = sorted(errors, key=lambda error: error.line)[: max(0, LISTED - standing.errors)]
    tasks.add_errors(work.connection, lease.task_id, listed)
    standing = standing.after(len(rows), len(listed), applied.counts, len(refused))
    leases.progress(work, lease, done=standing.done, errors=standing.errors, summary=standing.summary)
    return standing
