"""Figures over everything, counted."""

from datetime import datetime

import sqlalchemy as sa

from stockroom.domain.summary import Summary
from stockroom.storage.stock import is_low
from stockroom.storage.tables import items, levels, locations, movements

_items = sa.select(sa.func.count()).select_from(items)
_in_catalogue = items.c.archived.is_(False)
_count = sa.select(
    _items.where(_in_catalogue).scalar_subquery().label("items"),
    _items.where(items.c.archived.is_(True)).scalar_subquery().label("archived_items"),
    sa.select(sa.func.count())
    .select_from(locations)
    .where(locations.c.archived.is_(False))
    .scalar_subquery()
    .label("locations"),
    sa.select(sa.func.sum(levels.c.on_hand)).scalar_subquery().label("units"),
    _items.where(_in_catalogue, is_low(items)).scalar_subquery().label("low_stock"),
    sa.select(sa.func.count())
    .select_from(movements)
    .where(movements.c.created_at >= sa.bindparam("midnight", type_=movements.c.created_at.type))
    .scalar_subquery()
    .label("movements_today"),
)


def count(reader: sa.Connection, *, now: datetime) -> Summary:
    """Count everything in one statement, so that the figures fit each other.

    This reads all items and levels; the day's movements are counted by the index of their times.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    row = reader.execute(_count, {"midnight": midnight}).one()
    return Summary(
        items=row.items,
        archived_items=row.archived_items,
        locations=row.locations,
        # PostgreSQL adds integers up to a numeric; where nothing is, there is no sum.
        units=int(row.units or 0),
        low_stock=row.low_stock,
        movements_today=row.movements_today,
        as_of=now,
    )
