"""A worker begins once its database is there, and not on one of another version, nor without its folder."""

import sys
import time

import structlog

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Activity, Pace
from stockroom.db import migrate
from stockroom.db.database import OUTAGES, open_database
from stockroom.process import data_dir, logs
from stockroom.settings import Settings, SettingsError, load

REFUSED = 4
"""The exit status of gunicorn, too, when it does not start the API."""

log = structlog.get_logger(__name__)


def usable_settings() -> Settings:
    """The settings, with the data folder made. Raises SystemExit if one of them cannot be used."""
    try:
        known = load()
        # What is told next comes before Celery asks for it.
        logs.configure(known)
        exposed = data_dir.prepare(known)
    except SettingsError as error:
        for fault in str(error).splitlines():
            log.critical("start.refused", reason=fault)
        sys.exit(REFUSED)
    for sentence in exposed:
        log.warning("data.exposed", reason=sentence)
    return known


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
