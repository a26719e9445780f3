"""All tables, the same on SQLite and PostgreSQL: migrations/ creates them, these describe them to queries."""

from stockroom.db.tables.accounts import (
    known_networks,
    login_attempts,
    refresh_tokens,
    revocations,
    sessions,
    users,
)
from stockroom.db.tables.catalogue import item_tags, items
from stockroom.db.tables.columns import EPOCH, MILLISECOND, BigKey, Moment, metadata, stored
from stockroom.db.tables.requests import idempotency_keys, import_keys, task_errors, tasks
from stockroom.db.tables.stock import (
    levels,
    locations,
    movement_lines,
    movements,
    reservation_lines,
    reservations,
)
from stockroom.db.tables.totals import additions, tallies, totals, untallied

__all__ = [
    "EPOCH",
    "MILLISECOND",
    "BigKey",
    "Moment",
    "additions",
    "idempotency_keys",
    "import_keys",
    "item_tags",
    "items",
    "known_networks",
    "levels",
    "locations",
    "login_attempts",
    "metadata",
    "movement_lines",
    "movements",
    "refresh_tokens",
    "reservation_lines",
    "reservations",
    "revocations",
    "sessions",
    "stored",
    "tallies",
    "task_errors",
    "tasks",
    "totals",
    "untallied",
    "users",
]
