"""Figures over everything."""

from datetime import datetime

from stockroom.actions import summary
from stockroom.domain.summary import Summary
from stockroom.storage.connections import Connection


def read(*, reader: Connection, now: datetime) -> Summary:
    return summary.summarise(reader, now=now)
