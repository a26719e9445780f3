"""The kinds of long work there are."""

from collections.abc import Callable

from stockroom.work.model import Lease
from tasks import exports, imports
from tasks.worker import Parts


def run(lease: Lease, parts: Parts, stopping: Callable[[], bool]) -> bool:
    """Do the work of a task to its end, or return False because `stopping` said to leave off.

    Raises StorageFull before a part of it that there is no room for.
    """

    def looking() -> bool:
        parts.storage.require()
        return stopping()

    if lease.kind in imports.TASKS:
        return imports.run(
            lease,
            database=parts.database,
            files=parts.files,
            validators=parts.validators,
            stopping=looking,
        )
    if lease.kind in exports.TASKS:
        return exports.run(lease, database=parts.database, files=parts.files, stopping=looking)
    raise LookupError(f"there is no work of the kind {lease.kind}")
