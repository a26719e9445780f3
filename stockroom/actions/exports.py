"""Use cases of exports: begin one, and open the file that it wrote."""

from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

from stockroom.actions import tasks
from stockroom.actions.tasks import Publisher
from stockroom.domain.accounts import Principal
from stockroom.domain.errors import MissingScope, NotFound, ResultGone, TaskUnfinished
from stockroom.domain.exports import ExportOptions, Kind
from stockroom.domain.tasks import Task
from stockroom.storage import tasks as stored
from stockroom.storage.connections import Connection
from stockroom.storage.engines import Work
from stockroom.storage.files import FileStore

SCOPE = "tasks:write"
"""The scopes that the operation requires, whatever the kind."""
RESULT_SCOPE = "tasks:read"
"""The scopes that reading the file requires."""

SCOPES: Mapping[Kind, str] = {"items": "items:read", "levels": "stock:read", "movements": "stock:read"}
"""The scopes that each kind requires besides."""

TASKS: Mapping[str, Kind] = {f"{kind}-export": kind for kind in SCOPES}
"""The kinds of tasks that are exports (contract: Task), and what they export."""


class Result(NamedTuple):
    """The open file of an export, and the export itself."""

    task: Task
    options: ExportOptions
    file: BinaryIO


def begin(work: Work, options: ExportOptions, *, principal: Principal, publisher: Publisher) -> Task:
    """Enqueue the export. Raises MissingScope."""
    _require(SCOPE, options.kind, principal)
    return tasks.enqueue(
        work,
        owner=principal.subject,
        kind=f"{options.kind}-export",
        parameters=options.as_parameters(),
        publisher=publisher,
    )


def result(reader: Connection, id: str, *, principal: Principal, files: FileStore) -> Result:
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
        return Result(task, options, files.open(options.file(task.id, fence)))
    except FileNotFoundError:
        raise ResultGone("The file is no longer kept. Export it again.") from None


def _require(scope: str, kind: Kind, principal: Principal) -> None:
    if SCOPES[kind] not in principal.scopes:
        raise MissingScope(f"Exporting {kind} needs the scope {SCOPES[kind]}.", {scope, SCOPES[kind]})
