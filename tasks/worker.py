"""The state of a worker: its parts, opened once a process, and whether it was asked to stop."""

import multiprocessing
import threading
from collections.abc import Callable
from typing import Any

from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.db.storage import Storage
from stockroom.frozen import frozen
from stockroom.imports.execution import Validators
from stockroom.retention import actions as retention
from stockroom.settings import Settings
from stockroom.uploads import UploadFolder
from stockroom.work.renewals import Renewals
from tasks.sweep import end_unrenewed, expire, index, republish, update_totals


@frozen
class Parts:
    """What tasks need to run."""

    settings: Settings
    database: Database
    files: FileStore
    storage: Storage
    validators: Validators


class Worker:
    """The state of a worker. Its methods handle Celery's signals, which define their parameters."""

    def __init__(self, open_parts: Callable[[], Parts]) -> None:
        self._open = open_parts
        self._opening = threading.Lock()
        self._parts: Parts | None = None
        self._inherited: Parts | None = None
        self._stopping: Any = None
        self._renewals = Renewals()

    def parts(self) -> Parts:
        with self._opening:
            if self._parts is None:
                self._parts = self._open()
            return self._parts

    def stopping(self) -> bool:
        return self._stopping is not None and bool(self._stopping.value)

    def prepare(self, sender: Any, **event: object) -> None:
        """Called before anything starts."""
        # Shared with the processes that are forked later. It has no lock, because a signal handler sets it.
        self._stopping = multiprocessing.RawValue("b", 0)
        # Workers exchange all information through the database.
        sender.options.update(without_gossip=True, without_mingle=True, without_heartbeat=True)

    def begin_process(self, **event: object) -> None:
        """Called in each new process of the pool."""
        # Connections must not be shared: do not use or close those of the parent process.
        self._inherited, self._parts = self._parts, None
        self._opening = threading.Lock()

    def stop(self, **event: object) -> None:
        """Called when the worker must stop: work ends after its current chunk."""
        if self._stopping is not None:
            self._stopping.value = 1

    def close(self, **event: object) -> None:
        with self._opening:
            if self._parts is not None:
                self._parts.database.dispose()
                self._parts = None

    def sweep(self, send: Callable[[str], object]) -> None:
        """Publish waiting tasks again, those of workers that are gone among them."""
        if not self.stopping():
            parts = self.parts()
            end_unrenewed(parts.database, self._renewals, parts.settings.lease_seconds)
            republish(parts.database, send)

    def expire(self) -> None:
        """Close the reservations that have expired."""
        expire(self.parts().database, self.stopping)

    def update_totals(self) -> None:
        """Add the latest changes to the summary's totals."""
        update_totals(self.parts().database, self.stopping)

    def index(self) -> None:
        """Merge newly written items into the search index."""
        index(self.parts().database)

    def tidy(self) -> None:
        """Delete what is no longer needed."""
        parts = self.parts()
        UploadFolder(parts.settings.data_dir).clear()
        retention.tidy(parts.database, parts.files)
