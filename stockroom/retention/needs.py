"""Which files tasks need: those that must be there, whatever else is deleted."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.tables import tasks
from stockroom.exports.actions import TASKS as EXPORTS
from stockroom.exports.model import ExportOptions
from stockroom.imports.kinds import KINDS, task_kind
from stockroom.imports.model import ImportOptions
from stockroom.retention.actions import DAY
from stockroom.work.model import UNFINISHED

IMPORTS = frozenset(map(task_kind, KINDS))
"""The kinds of tasks that are imports."""

# Files are deleted by the time of their last write, which a store may tell by a clock of its own.
_KEPT = DAY - timedelta(hours=1)

_FETCHED = 500


class NeededFile(NamedTuple):
    """A file by its name in the store; `until_finished` says that it may go as soon as the task has ended."""

    task_id: str
    name: str
    until_finished: bool


def needed(snapshot: Connection, now: datetime) -> Iterator[NeededFile]:
    """The files that tasks need, read in a transaction: an import's until it ends, an export's for 23 hours
    after that.
    """
    with closing(snapshot.stream(_query, {"since": now - _KEPT}, size=_FETCHED)) as parts:
        for part in parts:
            for task_id, kind, parameters, fence in part:
                if kind in IMPORTS:
                    yield NeededFile(task_id, ImportOptions.from_parameters(parameters).file, True)
                else:
                    name = ExportOptions.from_parameters(parameters).file(task_id, fence)
                    yield NeededFile(task_id, name, False)


_query = sa.select(tasks.c.id, tasks.c.kind, tasks.c.parameters, tasks.c.fence).where(
    sa.or_(
        sa.and_(tasks.c.kind.in_(sorted(IMPORTS)), tasks.c.state.in_(UNFINISHED)),
        sa.and_(
            tasks.c.kind.in_(sorted(EXPORTS)),
            tasks.c.state == "succeeded",
            tasks.c.finished_at > sa.bindparam("since", type_=tasks.c.finished_at.type),
        ),
    )
)
