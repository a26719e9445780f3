"""Figures over everything."""

from datetime import datetime

from sqlalchemy import Connection

from stockroom.actions import summary
from stockroom.domain.summary import Summary


def read(*, reader: Connection, now: datetime) -> Summary:
    return summary.summarise(reader, now=now)
