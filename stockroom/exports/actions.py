"""Use cases of exports: begin one, and open the file that it wrote."""

from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

from stockroom.accounts.model import Principal
from stockroom.db.connections import Connection
from stockroom.db.files import FileStore
from stockroom.db.unit_of_work import Work
from stockroom.errors import MissingScope, NotFound, ResultGone, TaskUnfinished
from stockroom.exports.model import ExportKind, ExportOptions
from stockroom.work import actions as tasks
from stockroom.work import queries as stored
from stockroom.work.actions import Publisher
from stockroom.work.bounds import AN_EXPORT, Amounts
from stockroom.work.model import Task

SCOPE = "tasks:write"
"""The scopes that the operation requires, whatever the kind."""
RESULT_SCOPE = "tasks:read"
"""The scopes that reading the file requires."""

SCOPES: Mapping[ExportKind, str] = {"items": "items:read", "levels": "stock:read", "movements": "stock:read"}
"""The scopes that each kind requires besides."""

TASKS: Mapping[str, ExportKind] = {f"{kind}-export": kind for kind in SCOPES}
"""The kinds of tasks that are exports (contract: Task), and what they export."""


class ExportResult(NamedTuple):
    """The open file of an export, and the export itself."""

    task: Task
    options: ExportOptions
    file: BinaryIO


def begin(
    work: Work, options: ExportOptions, *, principal: Principal, publisher: Publisher, bounds: Amounts
) -> Task:
    """Enqueue the export. Raises MissingScope and TooMuchWork."""
    _require(SCOPE, options.kind, principal)
    return tasks.enqueue(
        work,
        owner=principal.subject,
        kind=f"{options.kind}-export",
        parameters=options.as_parameters(),
        publisher=publisher,
        bounds=bounds,
        asked=AN_EXPORT,
    )


def result(reader: Connection, id: str, *, principal: Principal, files: FileStore) -> ExportResult:
    """Open the file that a task of the caller has written.

    Raises NotFound, also for tasks that write no file, MissingScope, TaskUnfinished and ResultGone.
    """
    task = tasks.find(reader, id, principal.subject)
    kind = TASKS.get(task.kind)
    if kind is None:
        raise NotFound("An import makes no file.")
    _require(RESULT_SCOPE, kind, principal)
    if task.pending:
        raise TaskUnfinished(f"The task is {task.state}; its file is not there yet.")
    if task.state != "succeeded":
        raise NotFound("The task made no file, for it did not succeed.")
    parameters, fence = stored.attempt(reader, task.id)
    options = ExportOptions.from_parameters(parameters)
    try:
        return ExportResult(task, options, files.open(options.file(task.id, fence)))
    except FileNotFoundError:
        raise ResultGone("The file is no longer kept. Export it again.") from None


def _require(scope: str, kind: ExportKind, principal: Principal) -> None:
    if SCOPES[kind] not in principal.scopes:
        raise MissingScope(f"Exporting {kind} needs the scope {SCOPES[kind]}.", {scope, SCOPES[kind]})
