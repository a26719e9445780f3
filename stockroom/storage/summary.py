"""Figures over everything, counted."""

from typing import NamedTuple

import sqlalchemy as sa

from stockroom.storage.tables import items


class Counts(NamedTuple):
    """Items in the catalogue, and items that are archived."""

    items: int
    archived_items: int


_count = sa.select(
    sa.func.count().filter(items.c.archived.is_(False)),
    sa.func.count().filter(items.c.archived.is_(True)),
).select_from(items)


def count(reader: sa.Connection) -> Counts:
    """Count all items; this reads the whole table."""
    return Counts(*reader.execute(_count).one())
