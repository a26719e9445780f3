"""Exports as long work."""

from collections.abc import Callable

from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.exports import execution
from stockroom.exports.actions import TASKS
from stockroom.work.model import Lease

__all__ = ["TASKS", "run"]


def run(lease: Lease, *, database: Database, files: FileStore, stopping: Callable[[], bool]) -> bool:
    return execution.run(database, files, lease, stopping=stopping)
