"""Checks: each has a name, a promise, and a way to find what breaks it, one violation after the other.

The SQL is written out, in words that SQLite and PostgreSQL share: an audit that used the queries of the
service would share their mistakes. Sums and orders are the database's work, which has files for what exceeds
its memory; only violations come here.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from itertools import chain
from typing import NamedTuple, Protocol

import sqlalchemy as sa

from stockroom.db.connections import NOTHING, Connection
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.db.statements import Row, Values
from stockroom.db.tables import stored
from stockroom.frozen import frozen


class Audited(NamedTuple):
    """What is audited: the database as it was at one moment, the database as it is, and the files.

    `now` is just after the moment of the snapshot.
    """

    snapshot: Connection
    now: datetime
    database: Database
    files: FileStore


class Check(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def promise(self) -> str:
        """What holds, as a sentence."""

    def rows(self, audited: Audited) -> int:
        """How many rows, or files, the check is about."""

    def violations(self, audited: Audited) -> Iterator[str]:
        """What breaks the promise, each in a sentence."""


def count(snapshot: Connection, counted: str) -> int:
    """The rows of a table, or of a table and a condition: `levels`, `movements WHERE …`."""
    return int(snapshot.scalar(sa.text(f"SELECT count(*) FROM {counted}")))


def parts(
    snapshot: Connection, query: sa.Executable, values: Values = NOTHING, *, size: int = 500
) -> Iterator[list[Row]]:
    """The rows of a query, so many at a time."""
    with closing(snapshot.stream(query, values, size=size)) as found:
        yield from found


def stream(snapshot: Connection, query: sa.Executable, values: Values = NOTHING) -> Iterator[Row]:
    """The rows of a query, of which a few are in memory."""
    return chain.from_iterable(parts(snapshot, query, values))


@frozen
class SqlCheck:
    """A check by one query, which finds nothing but violations.

    `counted` is what it is about, as `count` takes it. `words` has the query's columns in braces. The query
    may use `:now`, in milliseconds.
    """

    name: str
    promise: str
    counted: str
    broken: str
    words: str

    def rows(self, audited: Audited) -> int:
        return count(audited.snapshot, self.counted)

    def violations(self, audited: Audited) -> Iterator[str]:
        for row in stream(audited.snapshot, sa.text(self.broken), {"now": stored(audited.now)}):
            yield self.words.format_map(row._asdict())
