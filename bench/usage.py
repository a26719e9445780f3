"""What a load has cost: the CPU time of the server, and that of PostgreSQL on its behalf."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from bench import processes
from bench.servers import Running

_BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass
class Usage:
    """Seconds of CPU time, user's and system's; there when the context of `measuring` has ended.

    `server` is that of all processes of the server; `postgresql` that of the processes that serve connections
    to its database, without what PostgreSQL does in the background for all.
    """

    server: float = 0.0
    postgresql: float = 0.0


@contextmanager
def measuring(up: Running, database_url: str) -> Iterator[Usage]:
    """What is used while the context lasts."""
    usage = Usage()
    # The connection that asks stays open, so that what it takes is not counted.
    with psycopg.connect(database_url, autocommit=True) as connection:
        postgresql, server = _postgresql_so_far(connection), processes.cpu_seconds(up.session)
        yield usage
        usage.server = processes.cpu_seconds(up.session) - server
        usage.postgresql = _postgresql_so_far(connection) - postgresql


def _postgresql_so_far(connection: psycopg.Connection) -> float:
    backends = [pid for (pid,) in connection.execute(_BACKENDS)]
    # A process whose connection was closed has given its time to the one that all of them are children of.
    postmaster = processes.parent(connection.info.backend_pid)
    ended = processes.cpu_seconds_of_ended_children(postmaster)
    return sum(map(processes.cpu_seconds_of, backends)) + ended
