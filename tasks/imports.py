"""Imports as long work."""

from collections.abc import Callable

from stockroom.actions import import_items
from stockroom.actions.import_items import Validate
from stockroom.actions.imports import KIND
from stockroom.domain.tasks import Lease
from stockroom.storage.engines import Database
from stockroom.storage.files import FileStore

__all__ = ["KIND", "run"]


def run(
    lease: Lease, *, database: Database, files: FileStore, validate: Validate, stopping: Callable[[], bool]
) -> bool:
    return import_items.run(database, files, lease, validate=validate, stopping=stopping)
