"""Delete what is no longer needed. Every worker does this from time to time; doing it twice is harmless."""

from datetime import timedelta

from stockroom.accounts import sessions
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.retention import queries
from stockroom.work import queries as tasks

DAY = timedelta(hours=24)
"""How long idempotency keys, exported files and orphaned uploads are kept."""

_BATCH = 500


def tidy(database: Database, files: FileStore) -> None:
    """Delete expired rows, the notes of finished imports, and files that no unfinished task needs."""
    now = database.clock()
    with database.work() as work:
        sessions.prune(work)
        queries.delete_keys(work.connection, now - DAY)
    _drop_import_notes(database)
    _drop_files(database, files)


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
    # A file is stored before its task is committed, so a new file without a task is not yet orphaned. An
    # exported file is named after an attempt, not a task, and is therefore kept as long as an orphan.
    orphans_if_unknown = set(files.names_older_than(now - DAY))
    names = {name.removesuffix(".csv"): name for name in files.names_older_than(now)}
    ids = sorted(names)
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        with database.connect() as reader:
            needless = queries.finished(reader, batch)
            needed = tasks.unfinished(reader, batch)
        for task_id in batch:
            name = names[task_id]
            if task_id in needless or (task_id not in needed and name in orphans_if_unknown):
                files.delete(name)
