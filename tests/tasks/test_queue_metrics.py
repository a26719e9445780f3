"""The queue of long work, as the metrics of a worker show it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from stockroom.db.database import Database
from stockroom.db.tables import tasks, users
from tasks.queue_metrics import QueueMetrics

KINDS = frozenset({"items-import", "items-export"})


def shown(metrics: QueueMetrics) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): round(sample.value, 1)
        for gauge in (metrics._tasks, metrics._age)
        for family in gauge.collect()
        for sample in family.samples
    }


def fill(database: Database, *rows: dict[str, Any]) -> None:
    """Write tasks with these columns; times are so many seconds ago."""
    account = {"username": "ann", "email": "a@example.org", "password_hash": "-", "role": "clerk"}
    same = {"owner": "ann", "kind": "items-import", "parameters": {}, "done": 0, "errors": 0, "fence": 0}
    with database.work() as work:
        ago = {seconds: work.now - timedelta(seconds=seconds) for seconds in range(-60, 3601)}
        work.connection.execute(users.insert(), account | {"disabled": False, "created_at": work.now})
        for number, row in enumerate(rows):
            times = {name: ago[row[name]] for name in ("created_at", "lease_until") if name in row}
            work.connection.execute(tasks.insert(), same | {"claims": 0, "id": str(number)} | row | times)


def test_what_waits_and_what_is_at_work_is_told_by_kind(database: Database) -> None:
    now = database.clock()
    database = replace(database, clock=lambda: now)
    fill(
        database,
        {"state": "queued", "created_at": 90},
        {"state": "queued", "created_at": 30},
        {"state": "running", "created_at": 3600, "lease_until": -60},
        # Its worker has died: it waits since its lease has ended.
        {"state": "running", "created_at": 3600, "lease_until": 120},
        {"state": "succeeded", "created_at": 3600},
        {"state": "running", "created_at": 10, "lease_until": -60, "kind": "items-export"},
    )
    metrics = QueueMetrics(KINDS)
    metrics.look(database)
    assert shown(metrics) == {
        ("items-import", "waiting"): 3,
        ("items-import", "at_work"): 1,
        ("items-import",): 120,
        ("items-export", "waiting"): 0,
        ("items-export", "at_work"): 1,
        ("items-export",): 0,
    }


def test_where_nothing_is_to_do_it_is_told_so(database: Database) -> None:
    metrics = QueueMetrics(KINDS)
    metrics.look(database)
    assert set(shown(metrics).values()) == {0}
    assert len(shown(metrics)) == 3 * len(KINDS)
