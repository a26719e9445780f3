"""What goes wrong with PostgreSQL, by SQLAlchemy's names for it."""

import asyncpg
import sqlalchemy as sa

from stockroom.db.damage import Damaged
from stockroom.db.disk_full import DiskFull
from stockroom.db.read_only import ReadOnly

ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # What the server said last was read amid something else: it has ended the connection.
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""What connecting and asking raise: PostgreSQL, asyncpg, the network, and a deadline that has passed."""

# By the class of the SQLSTATE (PostgreSQL, appendix A). What may pass when it is tried again: the server is
# away, starts, stops, has no room, cancels; a deadlock, or a lock that is not had in time.
_PASSING = frozenset({"08", "40", "53", "55", "57", "58", "XX"})
_KINDS: dict[str, type[sa.exc.DBAPIError]] = {
    **dict.fromkeys(_PASSING, sa.exc.OperationalError),
    "22": sa.exc.DataError,
    "23": sa.exc.IntegrityError,
    "42": sa.exc.ProgrammingError,
    # The role, its password and the database: nothing that a statement could have wrong.
    "28": sa.exc.OperationalError,
    "3D": sa.exc.OperationalError,
}


def ends_connection(error: asyncpg.PostgresError) -> bool:
    """Whether the server has said goodbye, or may have: an administrator, a shutdown, a broken connection."""
    stood_still = isinstance(error, asyncpg.IdleInTransactionSessionTimeoutError)
    return stood_still or (error.sqlstate or "")[:2] in {"08", "57"}


def translated(error: Exception, text: str) -> sa.exc.DBAPIError:
    """The error as SQLAlchemy would raise it for the statement."""
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return ReadOnly(error, text)
    if isinstance(error, asyncpg.DiskFullError):
        kind: type[sa.exc.DBAPIError] = DiskFull
    elif isinstance(error, asyncpg.IdleInTransactionSessionTimeoutError):
        kind = sa.exc.OperationalError
    elif isinstance(error, asyncpg.DataCorruptedError | asyncpg.IndexCorruptedError):
        kind = Damaged
    elif isinstance(error, asyncpg.PostgresError):
        kind = _KINDS.get((error.sqlstate or "")[:2], sa.exc.DatabaseError)
    else:
        kind = sa.exc.OperationalError
    return kind(text, None, error, hide_parameters=True)
