"""Delete what is no longer needed. Every worker does this from time to time; doing it twice is harmless."""

from stockroom.accounts import sessions
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.retention import queries
from stockroom.retention.queries import TaskOfFile
from stockroom.work.model import RESULT_KEPT, UNFINISHED

DAY = RESULT_KEPT
"""How long idempotency keys, exported files and orphaned uploads are kept."""

_BATCH = 500
_LENGTH_OF_IDS = 36


def tidy(database: Database, files: FileStore) -> None:
    """Delete expired rows, the notes of finished imports, and files that no unfinished task needs."""
    # First, for where a disk is full this is all that can be done.
    _drop_files(database, files)
    now = database.clock()
    with database.work() as work:
        sessions.prune(work)
        queries.delete_keys(work.connection, now - DAY)
    _drop_import_notes(database)


def _drop_import_notes(database: Database) -> None:
    with database.connect() as reader:
        finished = queries.finished_with_notes(reader)
    for task_id in finished:
        # One transaction a task: an import leaves one row for each SKU, and all of them at once would hold
        # locks for long.
        with database.work() as work:
            queries.delete_notes(work.connection, task_id)


def _drop_files(database: Database, files: FileStore) -> None:
    now = database.clock()
    old = set(files.names_older_than(now - DAY))
    names = sorted(files.names_older_than(now))
    for start in range(0, len(names), _BATCH):
        batch = names[start : start + _BATCH]
        with database.connect() as reader:
            tasks = queries.tasks_of(reader, {_task_of(name) for name in batch})
        for name in batch:
            if _is_needless(name, tasks.get(_task_of(name)), is_old=name in old):
                files.delete(name)


def _task_of(name: str) -> str:
    """The id of the task that a file is of; one that is not complete yet is hidden."""
    return name.removeprefix(".")[:_LENGTH_OF_IDS]


def _is_needless(name: str, task: TaskOfFile | None, *, is_old: bool) -> bool:
    if task is None:
        # A file is stored before its task is committed.
        return is_old
    last_attempt = f"{task.id}-{task.fence}."
    if task.state in UNFINISHED:
        made = name.removeprefix(".")
        return made.startswith(f"{task.id}-") and not made.startswith(last_attempt)
    # What the attempt that succeeded has made is kept for its time.
    return is_old or task.state != "succeeded" or not name.startswith(last_attempt)
