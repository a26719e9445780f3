"""What tests through HTTP share: work done that a worker would do."""

from collections.abc import Callable
from functools import partial

import pytest

from stockroom.db.database import Database
from stockroom.settings import Settings
from tests import workers


@pytest.fixture
def work_off(database: Database, configure: Callable[..., Settings]) -> Callable[[str], None]:
    """Do a task to its end as a worker does, without broker and Celery."""
    return partial(workers.work_off, database=database, settings=configure())
