"""A worker begins once its database is there, and not on one of another version."""

import sys
import time

import structlog

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Activity, Pace
from stockroom.db import migrate
from stockroom.db.database import OUTAGES, open_database
from stockroom.settings import Settings

REFUSED = 4
"""The exit status of gunicorn, too, when it does not start the API."""

log = structlog.get_logger(__name__)


def await_database(settings: Settings, activities: Activities) -> None:
    """Return once the database answers and is migrated. Raises SystemExit if it is of another version."""
    waiting = activities.standing("database", Pace(expected=OUTAGES))
    while (seconds := _seconds_to_wait(settings, waiting)) is not None:
        time.sleep(seconds)


def _seconds_to_wait(settings: Settings, waiting: Activity) -> float | None:
    # One of its own, closed before any process is forked, which could not use it.
    database = open_database(settings.database_url, connections=1, pooled=settings.database_pooled)
    try:
        migrate.require_head(database)
    except migrate.WrongRevision as error:
        log.critical("start.refused", reason=f"the database is {error}")
        sys.exit(REFUSED)
    except OUTAGES as error:
        return waiting.failed(error)
    finally:
        database.dispose()
    waiting.succeeded()
    return None
