"""The connection limit: so many connections of one event loop are in use at most; who asks for more waits.

Also who is refused by the server, while the loop has others in use, waits for one of those.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

import asyncpg
import sqlalchemy as sa
from sqlalchemy.util import await_

from stockroom.db.connection_cache import CachedConnection, ConnectionCache
from stockroom.db.connections import Usage


class LimitedCache(ConnectionCache):
    """A connection cache of one event loop, whose functions wait in greenlets."""

    def __init__(self, most: int, *, seconds: float, patience: float) -> None:
        """A connection is used for so many `seconds`, and waited for with so many seconds of `patience`."""
        super().__init__(most, seconds)
        self._most_lent = most
        self._lent = 0
        self._patience = patience
        self._waiting: deque[asyncio.Future[None]] = deque()

    def lend(self, opened: Callable[[], CachedConnection]) -> CachedConnection:
        """A connection that waits to be used again, or a new one; it comes back by `take_back`.

        Raises OperationalError where the database is away, TimeoutError of SQLAlchemy's where no connection
        gets free in time.
        """
        until = time.monotonic() + self._patience
        if self._lent < self._most_lent and not self._waiting:
            self._lent += 1
        else:
            self._wait(until)
        while True:
            try:
                return self.take() or opened()
            except BaseException as error:
                self._leave()
                # Without another that is in use, there is none to wait for.
                if not (_is_full(error) and self._lent):
                    raise
            self._wait(until)

    def usage(self) -> Usage:
        return Usage(self._lent, len(self._kept), self._most_lent, len(self._waiting))

    def take_back(self, connection: CachedConnection) -> None:
        try:
            super().take_back(connection)
        finally:
            # Also where it could not be closed.
            self._leave()

    def _wait(self, until: float) -> None:
        """Wait for the place of a connection that comes back, and take it."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await_(asyncio.wait_for(place, until - time.monotonic()))
        except BaseException as error:
            if place.done() and not place.cancelled():
                # It was given at the very moment of giving up.
                self._leave()
            elif place in self._waiting:
                self._waiting.remove(place)
            if isinstance(error, TimeoutError):
                reason = f"No connection to the database got free within {self._patience:g} seconds."
                raise sa.exc.TimeoutError(reason) from None
            raise

    def _leave(self) -> None:
        """Give a place to who has waited longest, or nobody."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._lent -= 1


def _is_full(error: BaseException) -> bool:
    """Whether the server serves as many connections as it may, or as this role or database may have."""
    return isinstance(error, sa.exc.DBAPIError) and isinstance(error.orig, asyncpg.TooManyConnectionsError)
