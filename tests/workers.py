"""Work done as a worker does it, without broker and Celery."""

import functools

from stockroom.activities.activities import Activities
from stockroom.contract.rows import row_validator
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.settings import Settings
from tasks import execution, imports, works
from tasks.worker import Parts

validators = functools.cache(lambda: imports.validators(row_validator))
"""Made once; reading the contract takes a second."""


def work_off(task_id: str, database: Database, settings: Settings) -> None:
    """Do a task to its end."""
    parts = Parts(settings, database, FileStore(settings.files_url), validators())
    execution.execute(
        database,
        task_id,
        lambda lease: works.run(lease, parts, lambda: False),
        lease_seconds=30,
        activities=Activities(),
    )
