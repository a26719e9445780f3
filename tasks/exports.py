"""Exports as long work."""

from collections.abc import Callable

from stockroom.actions import export_rows
from stockroom.actions.exports import TASKS
from stockroom.domain.tasks import Lease
from stockroom.storage.engines import Database
from stockroom.storage.files import FileStore

__all__ = ["TASKS", "run"]


def run(lease: Lease, *, database: Database, files: FileStore, stopping: Callable[[], bool]) -> bool:
    return export_rows.run(database, files, lease, stopping=stopping)
