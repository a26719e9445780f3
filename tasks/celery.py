"""The Celery app, and the composition root of workers: `celery -A tasks worker`."""

from celery import Celery, signals

from stockroom import logs, settings
from stockroom.domain.tasks import Lease
from stockroom.storage.engines import open_database
from stockroom.storage.files import FileStore
from tasks import configuration, execution, folder, imports, works
from tasks.sweep import sweeping
from tasks.worker import Parts, Worker

SWEEP_SECONDS = 5
EXPIRY_SECONDS = 5
TALLY_SECONDS = 1
INDEX_SECONDS = 1
TIDY_SECONDS = 3600

# A task takes up to three connections (reads, writes, lease), and a thread pool runs several tasks.
_CONNECTIONS = 20


def _open_parts() -> Parts:
    # Rows are validated against the same contract as requests; nothing else of its runtime is used here.
    from stockroom.contract.rows import row_validator  # noqa: PLC0415

    known = settings.load()
    return Parts(
        settings=known,
        database=open_database(known.database_url, connections=_CONNECTIONS),
        files=FileStore(known.files_url),
        validators=imports.validators(row_validator),
    )


folder.install()
worker = Worker(_open_parts)
app = Celery(configuration.QUEUE)
app.add_defaults(lambda: configuration.for_worker(settings.load()))


@app.task(name=configuration.RUN)  # type: ignore[untyped-decorator] # Celery ships no types.
def run(task_id: str) -> None:
    """Run the task with this id, unless it is finished or another worker holds it."""
    if worker.stopping():
        # The sweep of the next worker finds the task.
        return
    parts = worker.parts()
    execution.execute(parts.database, task_id, _do, lease_seconds=parts.settings.lease_seconds)


def _do(lease: Lease) -> bool:
    return works.run(lease, worker.parts(), worker.stopping)


def _send(task_id: str) -> None:
    app.send_task(configuration.RUN, (task_id,), ignore_result=True, retry=False)


def _set_up_logs(**event: object) -> None:
    logs.configure(settings.load())


signals.setup_logging.connect(_set_up_logs)
signals.worker_init.connect(worker.prepare)
signals.worker_process_init.connect(worker.begin_process)
signals.worker_process_shutdown.connect(worker.close)
signals.worker_shutting_down.connect(worker.stop)
signals.worker_shutdown.connect(worker.close)
app.steps["worker"].add(
    sweeping(
        [
            (SWEEP_SECONDS, lambda: worker.sweep(_send)),
            (EXPIRY_SECONDS, worker.expire),
            (TALLY_SECONDS, worker.tally),
            (INDEX_SECONDS, worker.index),
            (TIDY_SECONDS, worker.tidy),
        ]
    )
)
