"""Idempotency keys, stored in the transaction of their request."""

from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.db.connections import Connection
from stockroom.db.tables import idempotency_keys as table
from stockroom.db.unit_of_work import Work

KEPT_FOR = timedelta(hours=24)


class RequestKey(Protocol):
    @property
    def caller(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def key(self) -> str: ...


_match = (
    (table.c.caller == sa.bindparam("of_caller"))
    & (table.c.operation == sa.bindparam("of_operation"))
    & (table.c.key == sa.bindparam("of_key"))
)
_find = sa.select(table.c.fingerprint, table.c.status, table.c.headers, table.c.body).where(
    _match & (table.c.created_at > sa.bindparam("since"))
)
_forget_old = sa.delete(table).where(_match & (table.c.created_at <= sa.bindparam("since")))
# PostgreSQL's construct also compiles for SQLite, with the same syntax. RETURNING tells whether a row was
# inserted, because SQLAlchemy does not know the row count everywhere.
_insert = postgresql.insert(table).on_conflict_do_nothing().returning(table.c.key)


def find(
    reader: Connection, key: RequestKey, now: datetime
) -> sa.Row[str, int, dict[str, str], bytes] | None:
    """The answer stored for `key` within the last 24 hours: fingerprint, status, headers, body."""
    return reader.execute(_find, _of(key) | {"since": now - KEPT_FOR}).one_or_none()


def save(work: Work, key: RequestKey, kept: dict[str, Any]) -> bool:
    """Store an answer; False if another transaction has stored one for this key.

    On PostgreSQL this waits for the other transaction to end, so that exactly one of two is stored.
    """
    work.connection.execute(_forget_old, _of(key) | {"since": work.now - KEPT_FOR})
    values = {"caller": key.caller, "operation": key.operation, "key": key.key, "created_at": work.now}
    return work.connection.execute(_insert, values | kept).one_or_none() is not None


def _of(key: RequestKey) -> dict[str, Any]:
    return {"of_caller": key.caller, "of_operation": key.operation, "of_key": key.key}
