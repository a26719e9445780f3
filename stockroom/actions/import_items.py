"""Importing items: a stored file is read row by row and applied in chunks, each of them one transaction."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, BinaryIO, Self

from stockroom.actions import leases
from stockroom.domain.import_chunks import Checked, Chunk
from stockroom.domain.imports import ImportOptions, Outcome, Rejection, Row, item_from, shown
from stockroom.domain.tasks import Lease
from stockroom.storage import import_keys, tasks
from stockroom.storage.csv_lines import survey
from stockroom.storage.csv_rows import read_rows
from stockroom.storage.engines import Database, Work
from stockroom.storage.files import FileStore
from stockroom.storage.item_upserts import foresee_many, upsert_many

CHUNK = 1_000
"""Rows a transaction."""

LISTED = 100_000
"""Entries of a task's error list at most; what comes after them is counted in the summary only."""

_SUMMARY = ("created", "updated", "unchanged", "merged", "rejected")

Validate = Callable[[dict[str, Any]], list[tuple[str | None, str]]]
"""Holds an item against the contract: (field or None, message) for each fault."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the task's row holds after a chunk."""

    done: int
    errors: int
    summary: Mapping[str, int]

    def after(self, rows: int, errors: int, counts: Mapping[str, int]) -> Self:
        summary = {name: self.summary.get(name, 0) + counts[name] for name in _SUMMARY}
        return replace(self, done=self.done + rows, errors=self.errors + errors, summary=summary)


def run(
    database: Database,
    files: FileStore,
    lease: Lease,
    *,
    validate: Validate,
    stopping: Callable[[], bool],
) -> bool:
    """Import from where the task stands to the end of its file; False if `stopping` said to leave off before.

    Raises LeaseLost once the task is cancelled or another's, FileNotFoundError if its file is gone.
    """
    options = ImportOptions.from_parameters(lease.parameters)
    with files.open(options.file) as source:
        found = survey(source, options.encoding)
    with database.work() as work:
        # Without the header. Empty lines and values of several lines make it less in the end.
        leases.renew(work, lease, total=max(found.lines - 1, lease.done))
    standing = _Standing(lease.done, lease.errors, lease.summary or dict.fromkeys(_SUMMARY, 0))
    with files.open(options.file) as source:
        rows = islice(_checked(source, found.encoding, options, validate), lease.done, None)
        while chunk := list(islice(rows, CHUNK)):
            if stopping():
                return False
            with database.work() as work:
                leases.renew(work, lease)
                standing = _apply(work, lease, chunk, options, standing)
    with database.work() as work:
        leases.finish(work, lease, done=standing.done, summary=standing.summary)
    with contextlib.suppress(OSError):
        # Housekeeping tries again.
        files.delete(options.file)
    return True


def _checked(
    source: BinaryIO, encoding: str, options: ImportOptions, validate: Validate
) -> Iterator[Checked]:
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
        yield [row] if isinstance(row, Rejection) else _check(row, options, missing, validate)


def _check(row: Row, options: ImportOptions, missing: frozenset[str], validate: Validate) -> Checked:
    item, faults = item_from(row.values, missing)
    # What is missing is known by now; stand-ins let the other values be judged all the same.
    against_contract = validate({"sku": "0", "name": "0", **item} if faults else item)
    if not faults and not against_contract:
        return row.line, item
    rejections = []
    for name, reason in [*faults, *against_contract]:
        column = options.columns.get(name) if name else None
        value = row.values[name] if name and column else ""
        title = column.title if column else None
        rejections.append(Rejection(row.line, title, reason, shown(value) or None))
    return rejections


def _apply(
    work: Work, lease: Lease, rows: list[Checked], options: ImportOptions, standing: _Standing
) -> _Standing:
    connection = work.connection
    skus = {row[1]["sku"] for row in rows if isinstance(row, tuple)}
    chunk = Chunk(options.columns["name"].title, import_keys.find(connection, lease.task_id, skus))
    for row in rows:
        chunk.add(row)
    outcomes = _write(work, list(chunk.items.values()), dry_run=options.dry_run)
    import_keys.note(connection, lease.task_id, chunk.settle(outcomes))
    listed = chunk.errors[: max(0, LISTED - standing.errors)]
    tasks.add_errors(connection, lease.task_id, listed)
    standing = standing.after(len(rows), len(listed), chunk.counts)
    leases.progress(work, lease, done=standing.done, errors=standing.errors, summary=standing.summary)
    return standing


def _write(work: Work, items: list[dict[str, Any]], *, dry_run: bool) -> dict[str, Outcome]:
    if dry_run:
        upserted = foresee_many(work.connection, items)
    else:
        upserted = upsert_many(work.connection, items, now=work.now)
    outcomes: dict[str, Outcome] = dict.fromkeys(upserted.created, "created")
    outcomes.update(dict.fromkeys(upserted.updated, "updated"))
    outcomes.update(dict.fromkeys(upserted.unchanged, "unchanged"))
    return outcomes
