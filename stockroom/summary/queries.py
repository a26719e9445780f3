"""Figures over everything."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS
from stockroom.db.tables import locations, movements
from stockroom.stock import item_totals
from stockroom.summary.model import Summary


def _count(dialect: str) -> sa.Select[*tuple[Any, ...]]:
    return sa.select(
        *(figure.label(name) for name, figure in item_totals.figures(dialect).items()),
        sa.select(sa.func.count())
        .select_from(locations)
        .where(locations.c.archived.is_(False))
        .scalar_subquery()
        .label("locations"),
        sa.select(sa.func.count())
        .select_from(movements)
        .where(movements.c.created_at >= sa.bindparam("midnight", type_=movements.c.created_at.type))
        .scalar_subquery()
        .label("movements_today"),
    )


_counts = {dialect: _count(dialect) for dialect in DIALECTS}


def count(reader: Connection, *, now: datetime) -> Summary:
    """Count everything in one statement, so that the figures are consistent.

    Items and levels come from the running totals and from recent changes (stock.item_totals); the day's
    movements are counted by the index of their times.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    row = reader.execute(_counts[reader.dialect.name], {"midnight": midnight}).one()
    return Summary(**row._asdict(), as_of=now)
