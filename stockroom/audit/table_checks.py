"""Checks of each table's own rules: what its rows refer to is there, and its constraints hold.

The database refuses rows that break them, unless it was told not to: by a restore without constraints, by
somebody who switched them off. These checks are made of the tables' definitions.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property

import sqlalchemy as sa

from stockroom.audit.checks import Audited, count, stream
from stockroom.db.tables import (
    idempotency_keys,
    import_keys,
    item_tags,
    items,
    metadata,
    tallies,
    tasks,
    untallied,
    users,
)

# References that are no foreign keys, for each of which the tables give the reason.
_UNDECLARED: Mapping[sa.Column[object], sa.Column[object]] = {
    item_tags.c.item_id: items.c.id,
    tallies.c.item_id: items.c.id,
    untallied.c.item_id: items.c.id,
    import_keys.c.task_id: tasks.c.id,
    idempotency_keys.c.caller: users.c.username,
}


class TableCheck:
    """The check of one table."""

    def __init__(self, table: sa.Table) -> None:
        self.name = f"rows-of-{table.name.replace('_', '-')}"
        self.table = table

    @property
    def promise(self) -> str:
        return f"{self.table.name}: {'; '.join(rule for rule, _ in self.rules)}."

    @cached_property
    def rules(self) -> list[tuple[str, sa.ColumnElement[bool]]]:
        """Each rule in words, and what is true of the rows that break it."""
        return [*_references(self.table), *_constraints(self.table)]

    def rows(self, audited: Audited) -> int:
        return count(audited.snapshot, self.table.name)

    def violations(self, audited: Audited) -> Iterator[str]:
        key = list(self.table.primary_key.columns)
        for rule, is_broken in self.rules:
            for row in stream(audited.snapshot, sa.select(*key).where(is_broken)):
                named = ", ".join(f"{column.name} {value}" for column, value in zip(key, row, strict=True))
                yield f"{named}: not so: {rule}"


def _references(table: sa.Table) -> Iterator[tuple[str, sa.ColumnElement[bool]]]:
    declared = {key.parent: key.column for key in table.foreign_keys}
    undeclared = {column: there for column, there in _UNDECLARED.items() if column.table is table}
    for column, there in sorted((declared | undeclared).items(), key=lambda pair: pair[0].name):
        target = there.table.alias("target")
        found = sa.exists().where(target.c[there.name] == column)
        yield f"{column.name} is one of {there.table.name}", sa.and_(column.is_not(None), ~found)


def _constraints(table: sa.Table) -> Iterator[tuple[str, sa.ColumnElement[bool]]]:
    checks = [one for one in table.constraints if isinstance(one, sa.CheckConstraint)]
    for check in sorted(checks, key=lambda one: str(one.name)):
        condition = str(check.sqltext)
        yield condition, sa.literal_column(f"NOT ({condition})", sa.Boolean)


CHECKS = tuple(check for table in metadata.sorted_tables if (check := TableCheck(table)).rules)
