"""Checks of long work: the states of tasks, and what imports noted."""

from collections.abc import Iterator

import sqlalchemy as sa

from stockroom.audit.checks import Audited, Check, SqlCheck, count, stream
from stockroom.db.tables import tasks
from stockroom.frozen import frozen

_STATES = SqlCheck(
    "tasks-have-states",
    "A task has the times, the lease and the outcome of its state.",
    "tasks",
    """
    SELECT * FROM (
        SELECT id, state, CASE
            WHEN (state IN ('queued', 'running')) <> (finished_at IS NULL) THEN 'the time when it finished'
            WHEN (state = 'running') <> (lease_until IS NOT NULL) THEN 'its lease'
            WHEN state IN ('running', 'succeeded', 'failed') AND (started_at IS NULL OR fence < 1)
                THEN 'the time when it was first claimed'
            WHEN (state = 'failed') <> (failure IS NOT NULL) THEN 'the reason of its failure'
            WHEN state = 'succeeded' AND (total IS NULL OR done <> total) THEN 'how much is done'
            WHEN done < 0 OR errors < 0 OR claims < 0 OR fence < 0 THEN 'a count below zero'
        END AS fault FROM tasks
    ) AS judged WHERE fault IS NOT NULL
    """,
    "task {id} is {state}, and {fault} says otherwise",
)
_ERRORS = SqlCheck(
    "errors-are-counted",
    "A task counts the entries of its error list.",
    "task_errors",
    """
    SELECT id, errors, coalesce(listed.entries, 0) AS entries FROM tasks LEFT JOIN (
        SELECT task_id, count(*) AS entries FROM task_errors GROUP BY task_id
    ) AS listed ON task_id = id WHERE errors <> coalesce(listed.entries, 0)
    """,
    "task {id} counts {errors} errors, and its list has {entries}",
)
_NOTES = SqlCheck(
    "notes-are-of-imports",
    "Only an import of items notes the SKUs that it has met.",
    "import_keys",
    """
    SELECT task_id, kind, count(*) AS notes FROM import_keys JOIN tasks ON id = task_id
    WHERE kind <> 'items-import' GROUP BY task_id, kind
    """,
    "task {task_id}, which is {kind}, has {notes} notes of SKUs",
)


@frozen
class _Summaries:
    name: str = "summaries-add-up"
    promise: str = "The counts in the summary of an import add up to the rows that are done."

    def rows(self, audited: Audited) -> int:
        return count(audited.snapshot, "tasks WHERE summary IS NOT NULL")

    def violations(self, audited: Audited) -> Iterator[str]:
        query = sa.select(tasks.c.id, tasks.c.done, tasks.c.summary).where(tasks.c.summary.is_not(None))
        for id_, done, summary in stream(audited.snapshot, query):
            total = sum(summary.values())
            if total != done:
                yield f"task {id_} has done {done} rows, and its summary counts {total}"


CHECKS: tuple[Check, ...] = (_STATES, _ERRORS, _NOTES, _Summaries())
