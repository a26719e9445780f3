"""Figures over everything."""

from datetime import datetime

from stockroom.db.connections import Connection
from stockroom.summary import actions as summary
from stockroom.summary.model import Summary


def read(*, reader: Connection, now: datetime) -> Summary:
    return summary.summarise(reader, now=now)
