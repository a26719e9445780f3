"""A connection cache: connections that came back whole are used again, the last one first.

To ask SQLAlchemy's pool each time takes half as long as a read (docs/adr/0020).
"""

import time
from abc import abstractmethod

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.statements import Statements

RENEWED_EVERY = 1.0
"""Seconds at least between two times that all connections are replaced."""


class CachedConnection(Connection):
    """A connection that goes back to its cache when it is closed."""

    def __init__(self, cache: "ConnectionCache", dialect: sa.Dialect, statements: Statements) -> None:
        super().__init__(dialect, statements)
        self.made = time.monotonic()
        self.is_lent = True
        self.cache = cache
        self._broken = False

    def close(self) -> None:
        if not self.is_lent:
            return
        self.is_lent = False
        if self.in_transaction and self.is_alive():
            try:
                self.rollback()
            except sa.exc.DBAPIError:
                self._broken = True
        self.in_transaction = False
        self.cache.take_back(self)

    def is_alive(self) -> bool:
        """Whether it can be used, as far as is known here."""
        return not self._broken

    @abstractmethod
    def let_go(self) -> None:
        """Close it for good."""


class ConnectionCache:
    """Keeps at most so many connections, each for so many seconds from when it was made."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._outdated = 0.0
        self._kept: list[CachedConnection] = []

    def take(self) -> CachedConnection | None:
        """A connection that waits to be used again, if there is one. Several threads may ask at once."""
        while self._kept:
            try:
                connection = self._kept.pop()
            except IndexError:
                return None
            if self._is_fresh(connection) and connection.made > time.monotonic() - self._seconds:
                connection.is_lent = True
                return connection
            connection.let_go()
        return None

    def take_back(self, connection: CachedConnection) -> None:
        """Keep a connection if it is whole and there is room; else it is closed."""
        if self._is_fresh(connection) and len(self._kept) < self._most:
            self._kept.append(connection)
        else:
            connection.let_go()

    def renew(self) -> None:
        """Use none again that was made before: what it may do is settled when it is made."""
        # Not for each of many who find the same.
        if (now := time.monotonic()) - self._outdated > RENEWED_EVERY:
            self._outdated = now

    def _is_fresh(self, connection: CachedConnection) -> bool:
        return connection.is_alive() and connection.made > self._outdated

    def empty(self) -> list[CachedConnection]:
        """Keep none any more; what was kept is the caller's to `let_go`."""
        kept, self._kept, self._most = self._kept, [], 0
        return kept
