"""What tests through HTTP share: work done that a worker would do."""

from collections.abc import Callable
from typing import Any

import pytest

from stockroom.contract.rows import row_validator
from stockroom.settings import Settings
from stockroom.storage.engines import Database
from stockroom.storage.files import FileStore
from tasks import execution, imports


@pytest.fixture
def work_off(database: Database, configure: Callable[..., Settings]) -> Callable[[str], None]:
    """Do a task to its end as a worker does, without broker and Celery."""
    files = FileStore(configure().files_url)
    validators = imports.validators(row_validator)

    def run(lease: Any) -> bool:
        return imports.run(
            lease, database=database, files=files, validators=validators, stopping=lambda: False
        )

    return lambda task_id: execution.execute(database, task_id, run, lease_seconds=30)
