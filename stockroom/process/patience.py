"""How slow a client may be, and how many there may be, before a connection is ended."""

import asyncio
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from stockroom.http.addresses import network_of
from stockroom.process.refusals import Refusals

LOOKS = 1.0
"""Seconds at most from one look at all connections to the next."""


@dataclass(frozen=True)
class Bounds:
    """What clients of one process are allowed.

    A head has so many `seconds` to arrive. Bodies and answers may stand still for as long, and pass at
    `bytes_per_second` on average. There may be so many `connections` at once, and so many `of_one_network`;
    None where proxies of ours make all of them.
    """

    seconds: float = 20.0
    bytes_per_second: int = 1_000
    connections: int = 800
    of_one_network: int | None = None


class Pace:
    """The time that a client has left for what it sends or takes. It runs out; bytes that pass add to it."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._what: Hashable = None
        self._left = self._seen = 0.0
        self._passed = 0

    def is_over(self, now: float, what: Hashable, passed: int) -> bool:
        """Whether no time is left at `now`, in seconds, for `what` is waited for; None is nothing.

        `passed` are the bytes so far. The first look at something gives it its time.
        """
        if what is None or what != self._what:
            self._left = self._bounds.seconds
        else:
            added = (passed - self._passed) / self._bounds.bytes_per_second
            # No more than at first, so that nobody stands still for what was fast before.
            self._left = min(self._left - (now - self._seen) + added, self._bounds.seconds)
        self._what, self._seen, self._passed = what, now, passed
        return self._left <= 0


class Connection(Protocol):
    def look(self, now: float) -> None:
        """End the connection if its client is too slow; `now` is the time of the loop."""


class Watch:
    """Looks at all connections of an event loop now and then, which costs a request nothing."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.refusals = Refusals()
        self._open: set[Connection] = set()
        # The network that each comes from.
        self._admitted: dict[Connection, str] = {}
        self._of_network: Counter[str] = Counter()
        self._looking = False

    def admits(self, connection: Connection, client: str) -> bool:
        """Whether this one is not one too many. It is looked at either way, until it is forgotten.

        `client` is the address of the other side; empty where it has none.
        """
        self._open.add(connection)
        if not self._looking:
            self._looking = True
            self._look_later()
        network = network_of(client)
        if len(self._admitted) >= self.bounds.connections:
            self.refusals.note("too-many", client)
            return False
        if self._has_its_share(network):
            self.refusals.note("too-many-of-one-address", client)
            return False
        self._admitted[connection] = network
        self._of_network[network] += 1
        return True

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        network = self._admitted.pop(connection, None)
        if network is None:
            return
        self._of_network[network] -= 1
        if not self._of_network[network]:
            del self._of_network[network]

    def _has_its_share(self, network: str) -> bool:
        share = self.bounds.of_one_network
        return bool(network) and share is not None and self._of_network[network] >= share

    def look_at_all(self, now: float) -> None:
        for connection in list(self._open):
            connection.look(now)

    def _look_later(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(min(LOOKS, self.bounds.seconds / 4), self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._open:
            self._looking = False
            return
        self.look_at_all(loop.time())
        self._look_later()
