"""The summary: figures over the whole stockroom."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from stockroom.storage import summary


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts as of a moment (contract: Summary). `items` are those that are not archived."""

    items: int
    archived_items: int
    as_of: datetime


def summarise(reader: Connection, *, now: datetime) -> Summary:
    """Count everything; the contract says for how long the answer may be kept."""
    counts = summary.count(reader)
    return Summary(items=counts.items, archived_items=counts.archived_items, as_of=now)
