"""Checks of the file store: files have tasks, and tasks have the files that they need."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import sqlalchemy as sa

from stockroom.audit.checks import Audited, Check
from stockroom.db.connections import Connection
from stockroom.db.files import FileStore
from stockroom.db.tables import tasks
from stockroom.frozen import frozen
from stockroom.retention.actions import DAY
from stockroom.retention.needs import NeededFile, needed
from stockroom.retention.queries import tasks_of
from stockroom.work.model import UNFINISHED

_AT_ONCE = 500

# An upload is named after its task, and an export after its task and its attempt.
_NAME = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:-[0-9]+)?\.\w+")


@frozen
class _FilesHaveTasks:
    """A file is stored before its task is committed, and one whose task never was is deleted after a day."""

    name: str = "files-have-tasks"
    promise: str = "A file that is older than a day has a task."

    def rows(self, audited: Audited) -> int:
        # Clocks of stores differ from ours.
        return sum(1 for _ in audited.files.names_older_than(audited.now + DAY))

    def violations(self, audited: Audited) -> Iterator[str]:
        names = audited.files.names_older_than(audited.now - DAY)
        while batch := list(islice(names, _AT_ONCE)):
            yield from (f"the file {name} has no task" for name in _orphans(audited.snapshot, batch))


def _orphans(snapshot: Connection, names: Sequence[str]) -> Iterator[str]:
    ids = {name: match[1] for name in names if (match := _NAME.fullmatch(name))}
    known = set(snapshot.scalars(sa.select(tasks.c.id).where(tasks.c.id.in_(ids.values()))))
    return (name for name in names if ids.get(name) not in known)


@frozen
class _TasksHaveFiles:
    """The store is looked at after the snapshot, when an import may have ended and its file be gone."""

    name: str = "tasks-have-files"
    promise: str = "The file of an unfinished import is there, and that of an export for most of a day."

    def rows(self, audited: Audited) -> int:
        return sum(1 for _ in needed(audited.snapshot, audited.now))

    def violations(self, audited: Audited) -> Iterator[str]:
        for file in needed(audited.snapshot, audited.now):
            if not _is_there(audited.files, file.name) and _is_still_needed(audited, file):
                yield f"task {file.task_id} needs the file {file.name}, which is not there"


def _is_there(files: FileStore, name: str) -> bool:
    try:
        files.open(name).close()
    except FileNotFoundError:
        return False
    return True


def _is_still_needed(audited: Audited, file: NeededFile) -> bool:
    if not file.until_finished:
        return True
    with audited.database.connect() as reader:
        task = tasks_of(reader, [file.task_id]).get(file.task_id)
    return task is not None and task.state in UNFINISHED


CHECKS: tuple[Check, ...] = (_FilesHaveTasks(), _TasksHaveFiles())
