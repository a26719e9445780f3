"""The summary: figures over the whole stockroom."""

from datetime import datetime

from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.stock import item_totals
from stockroom.summary import queries
from stockroom.summary.model import Summary


def summarise(reader: Connection, *, now: datetime) -> Summary:
    """Count everything; the contract says how long the answer may be cached."""
    return queries.count(reader, now=now)


def update_totals(work: Work) -> int:
    """Add some of the changes to the totals, so that `summarise` stays fast; 0 if none is left."""
    return item_totals.bring_up_to_date(work.connection)


def any_totals_due(reader: Connection) -> bool:
    return item_totals.any_left(reader)
