"""How many connections to PostgreSQL the service may want, held against what the server gives."""

import os

import sqlalchemy as sa

from stockroom.db.database import open_database
from stockroom.settings import Settings

DUTIES = 6
"""Background activities of a worker's parent process with one connection at a time each, metrics too."""

TASKS_AT_ONCE = 4
"""Tasks that each process of a worker's pool works on."""

# An export has its snapshot, its progress and its lease; an import has fewer there, but two chunks beside, on
# an event loop of its own, to which the limit applies anew.
_OF_A_TASK, _OF_CHUNKS = 3, 2
# The look at what waits.
_OF_A_TURN = 1


def connections_fault(settings: Settings) -> str | None:
    """Why API and worker may ask PostgreSQL for more connections than it gives, as a sentence; else None.

    The worker is one on this machine, with as many processes as Celery gives it by itself. What a pooler
    gives is not asked, and where the database is away there is nothing to compare with.
    """
    if settings.embedded or settings.database_pooled:
        return None
    try:
        given = _given(settings)
    except sa.exc.SQLAlchemyError:
        return None
    # As Celery counts them.
    cores = os.cpu_count() or 2
    api = settings.web_workers * settings.database_connections
    worker = _wanted_by_worker(settings.database_connections, cores)
    if api + worker <= given:
        return None
    return (
        f"The API may want {api} connections (STOCKROOM_WEB_WORKERS x STOCKROOM_DATABASE_CONNECTIONS) and a "
        f"worker with a process for each of {cores} cores {worker}, and PostgreSQL gives this role {given}; "
        "who gets none waits for one of the others."
    )


def _wanted_by_worker(most: int, processes: int) -> int:
    """What one worker may want, where an event loop has at most so many connections."""
    task_process = min(_OF_A_TURN + TASKS_AT_ONCE * _OF_A_TASK, most) + TASKS_AT_ONCE * _OF_CHUNKS
    return min(DUTIES, most) + processes * task_process


def _given(settings: Settings) -> int:
    database = open_database(settings.database_url, connections=1)
    try:
        with database.connect() as reader:
            given: int = reader.scalar(_CONNECTIONS_GIVEN)
            return given
    finally:
        database.dispose()


# The least that the server, the role or the database allows; below zero they allow any number.
_CONNECTIONS_GIVEN = sa.text("""
    SELECT min(most) FROM (
        SELECT current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int AS most
        UNION ALL SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user
        UNION ALL SELECT datconnlimit FROM pg_database WHERE datname = current_database()
    ) AS limits WHERE most >= 0
""")
