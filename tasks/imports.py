"""Imports as long work."""

from collections.abc import Callable

from stockroom.actions import import_rows
from stockroom.actions.import_kinds import KINDS, task_kind
from stockroom.actions.import_rows import Validate, Validators
from stockroom.domain.tasks import Lease
from stockroom.storage.engines import Database
from stockroom.storage.files import FileStore

TASKS = frozenset(map(task_kind, KINDS))
"""The kinds of tasks that are imports."""


def validators(validator_of: Callable[[str], Validate]) -> Validators:
    """The validators of each kind's rows, compiled from the contract's schemas by name."""
    return {kind.schema: validator_of(kind.schema) for kind in KINDS.values()}


def run(
    lease: Lease,
    *,
    database: Database,
    files: FileStore,
    validators: Validators,
    stopping: Callable[[], bool],
) -> bool:
    return import_rows.run(database, files, lease, validators=validators, stopping=stopping)
