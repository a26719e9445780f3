"""The Celery app, and the composition root of workers: `celery -A tasks worker`."""

import sys

from celery import Celery, signals

from stockroom import settings
from stockroom.activities.activities import Activities
from stockroom.db.connections import Deadlines
from stockroom.db.database import open_database
from stockroom.db.files import FileStore
from stockroom.process import logs
from stockroom.process.metrics_server import MetricsServer
from stockroom.work.model import Lease
from tasks import configuration, execution, folder, imports, works
from tasks.sweep import Duty, sweeping
from tasks.worker import Parts, Worker

SWEEP_SECONDS = 5
EXPIRY_SECONDS = 5
TOTALS_SECONDS = 1
INDEX_SECONDS = 1
TIDY_SECONDS = 3600

# A statement of long work looks at far more than one of a request.
_STATEMENT_SECONDS = 900


def _open_parts() -> Parts:
    # Rows are held to the same contract as requests; nothing else of its runtime is used here.
    from stockroom.contract.rows import row_validator  # noqa: PLC0415

    known = settings.load()
    return Parts(
        settings=known,
        database=open_database(
            known.database_url,
            connections=known.database_connections,
            deadlines=Deadlines(statement=_STATEMENT_SECONDS, connection=known.connection_seconds),
            pooled=known.database_pooled,
        ),
        files=FileStore(known.files_url),
        validators=imports.validators(row_validator),
    )


folder.install()
activities = Activities()
worker = Worker(_open_parts)
app = Celery(configuration.QUEUE)
app.add_defaults(lambda: configuration.for_worker(settings.load()))


@app.task(name=configuration.RUN)  # type: ignore[untyped-decorator] # Celery ships no types.
def run(task_id: str) -> None:
    """Work on the task of this id, unless it is finished or another worker is at it."""
    if worker.stopping():
        # The next worker's sweep finds it.
        return
    parts = worker.parts()
    execution.execute(
        parts.database, task_id, _do, lease_seconds=parts.settings.lease_seconds, activities=activities
    )


def _do(lease: Lease) -> bool:
    return works.run(lease, worker.parts(), worker.stopping)


def _send(task_id: str) -> None:
    app.send_task(configuration.RUN, (task_id,), ignore_result=True, retry=False)


def _set_up_logs(**event: object) -> None:
    logs.configure(settings.load())


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

    activities.observe(ActivityMetrics())
    signals.worker_shutdown.connect(lambda **event: server.close(), weak=False)


signals.setup_logging.connect(_set_up_logs)
signals.worker_init.connect(worker.prepare)
signals.worker_init.connect(_serve_metrics)
signals.worker_process_init.connect(worker.begin_process)
signals.worker_process_shutdown.connect(worker.close)
signals.worker_shutting_down.connect(worker.stop)
signals.worker_shutdown.connect(worker.close)
app.steps["worker"].add(
    sweeping(
        activities,
        [
            Duty("sweep", SWEEP_SECONDS, lambda: worker.sweep(_send)),
            Duty("expiry", EXPIRY_SECONDS, worker.expire),
            Duty("totals", TOTALS_SECONDS, worker.update_totals),
            Duty("index", INDEX_SECONDS, worker.index),
            Duty("retention", TIDY_SECONDS, worker.tidy),
        ],
    )
)
