"""The summary: figures over the whole stockroom."""

from datetime import datetime

from stockroom.domain.summary import Summary
from stockroom.storage import summary, tallies
from stockroom.storage.connections import Connection
from stockroom.storage.engines import Work


def summarise(reader: Connection, *, now: datetime) -> Summary:
    """Count everything; the contract says how long the answer may be cached."""
    return summary.count(reader, now=now)


def tally(work: Work) -> int:
    """Add some of the changes to the totals, so that `summarise` stays fast; 0 if none is left."""
    return tallies.bring_up_to_date(work.connection)


def any_untallied(reader: Connection) -> bool:
    return tallies.any_left(reader)
