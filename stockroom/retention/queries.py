"""Retention: find and delete rows that are no longer needed."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.tables import idempotency_keys, import_keys, tasks
from stockroom.frozen import frozen
from stockroom.work.model import UNFINISHED, TaskState


@frozen
class TaskOfFile:
    """What of a task says whether its files are needed; `fence` is the number of its last attempt."""

    id: str
    state: TaskState
    fence: int


def delete_keys(connection: Connection, until: datetime) -> None:
    """Delete the idempotency keys of before `until`."""
    connection.execute(idempotency_keys.delete().where(idempotency_keys.c.created_at < until))


def finished_with_notes(reader: Connection) -> list[str]:
    """The finished tasks that still have import notes."""
    noted = sa.exists().where(import_keys.c.task_id == tasks.c.id)
    return list(reader.scalars(sa.select(tasks.c.id).where(tasks.c.state.not_in(UNFINISHED), noted)))


def delete_notes(connection: Connection, task_id: str) -> None:
    connection.execute(import_keys.delete().where(import_keys.c.task_id == task_id))


def tasks_of(reader: Connection, ids: Collection[str]) -> dict[str, TaskOfFile]:
    """The tasks of these ids, as far as there are any."""
    query = sa.select(tasks.c.id, tasks.c.state, tasks.c.fence).where(tasks.c.id.in_(ids))
    return {row.id: TaskOfFile(*row) for row in reader.execute(query)}
