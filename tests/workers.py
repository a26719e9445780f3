"""Workers: as processes of their own, and work done as they do it, without broker and Celery."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from stockroom.activities.activities import Activities
from stockroom.contract.rows import row_validator
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.process import data_dir
from stockroom.settings import Settings
from stockroom.work import leases
from tasks import execution, imports, works
from tasks.worker import Parts

ROOT = Path(__file__).resolve().parent.parent
# Far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 120.0

validators = cache(lambda: imports.validators(row_validator))
"""Made once; reading the contract takes a second."""


def work_off(task_id: str, database: Database, settings: Settings) -> None:
    """Do a task to its end."""
    files = FileStore(settings.files_url)
    parts = Parts(settings, database, files, data_dir.storage(settings, files), validators())
    with database.work() as work:
        lease = leases.claim(work, task_id, seconds=30)
    if lease is not None:
        run = partial(works.run, parts=parts, stopping=lambda: False)
        execution.carry_out(database, files, lease, run, Activities())


@contextmanager
def worker_process(
    settings: Settings, pool: str = "solo", concurrency: int = 1, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with leases of a second; it is killed in the end."""
    environment = {
        **os.environ,
        **variables,
        "STOCKROOM_DATA_DIR": str(settings.data_dir),
        "STOCKROOM_DATABASE_URL": settings.database_url,
        "STOCKROOM_BROKER_URL": settings.broker_url,
        "STOCKROOM_LEASE_SECONDS": "1",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--pool", pool]
    with (
        (settings.data_dir / "worker.log").open("ab") as log,
        subprocess.Popen(
            [*command, "--concurrency", str(concurrency)],
            cwd=settings.data_dir,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            end(process, signal.SIGKILL)


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Send the signal to the worker and the processes of its pool, and wait for the worker."""
    if process.poll() is None:
        os.killpg(process.pid, how)
    process.wait(PATIENCE)
