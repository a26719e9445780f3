"""The summary: figures over the whole stockroom."""

from datetime import datetime

from sqlalchemy import Connection

from stockroom.domain.summary import Summary
from stockroom.storage import summary


def summarise(reader: Connection, *, now: datetime) -> Summary:
    """Count everything; the contract says for how long the answer may be kept."""
    return summary.count(reader, now=now)
