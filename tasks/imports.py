"""Imports as long work."""

from collections.abc import Callable

from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.imports import execution
from stockroom.imports.execution import Validate, Validators
from stockroom.imports.kinds import KINDS, task_kind
from stockroom.work.model import Lease

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
    return execution.run(database, files, lease, validators=validators, stopping=stopping)
