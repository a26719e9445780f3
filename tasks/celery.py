"""The Celery app, and the composition root of workers: `celery -A tasks worker`."""

import sys
from collections.abc import Collection
from contextlib import nullcontext
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import structlog
from celery import Celery, signals

from stockroom import settings
from stockroom.activities.activities import Activities
from stockroom.db.connections import Deadlines
from stockroom.db.database import open_database
from stockroom.db.files import FileStore
from stockroom.process import data_dir, logs
from stockroom.process.metrics_server import MetricsServer
from stockroom.process.telemetry import open_tracing
from stockroom.work import leases
from stockroom.work.model import Lease
from tasks import broker, configuration, execution, exports, folder, imports, start, works
from tasks.sweep import Duty, sweeping
from tasks.turns import PACE as TAKING
from tasks.turns import Turns
from tasks.worker import Parts, Worker

if TYPE_CHECKING:
    from stockroom.process.tracing import Tracing

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 5
EXPIRY_SECONDS = 5
TOTALS_SECONDS = 1
INDEX_SECONDS = 1
TIDY_SECONDS = 3600
QUEUE_SECONDS = 5

# A statement of long work looks at far more than one of a request.
_STATEMENT_SECONDS = 900


def _open_parts() -> Parts:
    # Rows are held to the same contract as requests; nothing else of its runtime is used here.
    from stockroom.contract.rows import row_validator  # noqa: PLC0415 - a sender has no need of it

    known = settings.load()
    files = FileStore(known.files_url)
    return Parts(
        settings=known,
        database=open_database(
            known.database_url,
            connections=known.database_connections,
            deadlines=Deadlines(statement=_STATEMENT_SECONDS, connection=known.connection_seconds),
            pooled=known.database_pooled,
        ),
        files=files,
        storage=data_dir.storage(known, files),
        validators=imports.validators(row_validator),
    )


def _take(besides: Collection[str]) -> Lease | None:
    parts = worker.parts()
    with parts.database.connect() as reader:
        # Usually nothing waits, and this check takes no lock.
        if not leases.is_any_waiting(reader, besides, parts.database.clock()):
            return None
    with parts.database.work() as work:
        return leases.take(work, seconds=parts.settings.lease_seconds, besides=besides)


def _carry_out(lease: Lease) -> None:
    parts = worker.parts()
    do = partial(works.run, parts=parts, stopping=worker.stopping)
    tracing = _tracing()
    with tracing.task(lease.task_id, lease.kind) if tracing else nullcontext():
        execution.carry_out(parts.database, parts.files, lease, do, activities)


@cache
def _tracing() -> "Tracing | None":
    """The traces of this process; asked for the first time in the processes that work, after the fork."""
    return open_tracing("stockroom-worker")


def _close_tracing(**event: object) -> None:
    if _tracing.cache_info().currsize and (tracing := _tracing()):
        tracing.close()


folder.install()
activities = Activities()
worker = Worker(_open_parts)
turns = Turns(_take, _carry_out, worker.stopping, activities.standing("turns", TAKING))
duties = [
    Duty("sweep", SWEEP_SECONDS, lambda: worker.sweep(_send)),
    Duty("expiry", EXPIRY_SECONDS, worker.expire),
    Duty("totals", TOTALS_SECONDS, worker.update_totals),
    Duty("index", INDEX_SECONDS, worker.index),
    Duty("retention", TIDY_SECONDS, worker.tidy),
]
app = Celery(configuration.QUEUE)
app.add_defaults(lambda: configuration.for_worker(start.usable_settings()))


@app.task(name=configuration.RUN, bind=True)  # type: ignore[untyped-decorator] # Celery ships no types.
def run(self: Any, task_id: str) -> None:
    """Work off what waits. `task_id` is what the message was sent for; whose turn it is, the tasks tell."""
    if tracing := _tracing():
        tracing.announce(task_id, self.request.headers or {})
    # When the worker is to stop, the next worker's sweep finds what is left.
    turns.work_off()


def _send(task_id: str) -> None:
    app.send_task(configuration.RUN, (task_id,), ignore_result=True, retry=False)


def _set_up_logs(**event: object) -> None:
    logs.configure(settings.load())


def _await_database(**event: object) -> None:
    start.await_database(settings.load(), activities)


def _serve_metrics(**event: object) -> None:
    """Before any process is forked, which will count in the same place."""
    known = settings.load()
    if not known.worker_metrics_port:
        return
    port, variable = known.worker_metrics_port, "STOCKROOM_WORKER_METRICS_PORT"
    try:
        server = MetricsServer(known.metrics_host, port, variable, activities)
    except settings.SettingsError as error:
        # Celery goes on after any Exception.
        sys.exit(str(error))
    # Where they are kept must be settled before they are loaded.
    from stockroom.process.activity_metrics import ActivityMetrics  # noqa: PLC0415 - see above
    from tasks.queue_metrics import QueueMetrics  # noqa: PLC0415 - see above

    activities.observe(ActivityMetrics())
    queue = QueueMetrics({*imports.TASKS, *exports.TASKS})
    duties.append(Duty("queue", QUEUE_SECONDS, lambda: queue.look(worker.parts().database)))
    signals.worker_shutdown.connect(lambda **event: server.close(), weak=False)


signals.setup_logging.connect(_set_up_logs)
signals.worker_init.connect(worker.prepare)
signals.worker_init.connect(_await_database)
signals.worker_init.connect(_serve_metrics)
signals.worker_process_init.connect(worker.begin_process)
signals.worker_process_shutdown.connect(worker.close)
signals.worker_process_shutdown.connect(_close_tracing)
signals.worker_shutting_down.connect(worker.stop)
signals.worker_shutdown.connect(worker.close)
signals.worker_shutdown.connect(_close_tracing)
app.steps["consumer"].add(broker.watching(activities))
app.steps["worker"].add(sweeping(activities, duties))
