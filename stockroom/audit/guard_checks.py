"""Checks of what guards the data: the triggers of the database, and the database file itself."""

from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from stockroom.audit.checks import Audited, Check, stream
from stockroom.db.damage import Damaged
from stockroom.frozen import frozen

TRIGGERS: Mapping[str, frozenset[str]] = {
    "sqlite": frozenset(
        {
            "items_tallied_insert",
            "items_untallied_update",
            "levels_untallied_insert",
            "levels_untallied_update",
            "movement_lines_no_delete",
            "movement_lines_no_update",
            "movements_no_delete",
            "movements_no_update",
        }
    ),
    "postgresql": frozenset(
        {
            "items_tallied_insert",
            "items_untallied_update",
            "levels_untallied_insert",
            "levels_untallied_update",
            "movement_lines_append_only",
            "movements_append_only",
        }
    ),
}
"""The triggers that keep the ledger from being changed, and note what the summary has to count again."""

# Those that are switched off do nothing.
_ACTIVE = {
    "sqlite": sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'"),
    "postgresql": sa.text("""
        SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND relnamespace = current_schema()::regnamespace
    """),
}


@frozen
class _Triggers:
    name: str = "triggers-are-active"
    promise: str = "The triggers that keep the ledger append-only, and the summary up to date, are active."

    def rows(self, audited: Audited) -> int:
        return len(TRIGGERS[audited.database.name])

    def violations(self, audited: Audited) -> Iterator[str]:
        dialect = audited.database.name
        active = set(audited.snapshot.scalars(_ACTIVE[dialect]))
        for name in sorted(TRIGGERS[dialect] - active):
            yield f"the trigger {name} is missing or switched off"


@frozen
class _File:
    """PostgreSQL has programs of its own for this (pg_amcheck, pg_checksums)."""

    name: str = "database-file-is-sound"
    promise: str = "SQLite finds its file whole, and each index in agreement with its table."

    def rows(self, audited: Audited) -> int:
        return int(audited.snapshot.scalar(sa.text("PRAGMA page_count")))

    def violations(self, audited: Audited) -> Iterator[str]:
        try:
            for (message,) in stream(audited.snapshot, sa.text("PRAGMA integrity_check")):
                # Which row breaks which constraint is told by the checks of tables.
                if message != "ok" and not message.startswith("CHECK constraint failed"):
                    yield message
        except Damaged as error:
            # Some damage ends what looks for it.
            yield str(error.orig)


def checks(dialect: str) -> tuple[Check, ...]:
    return (_File(), _Triggers()) if dialect == "sqlite" else (_Triggers(),)
