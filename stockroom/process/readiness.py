"""Readiness: whether each thing the service depends on answers, and each background activity is well.

It is found out without holding anybody up.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa

from stockroom.activities.activities import Activities
from stockroom.db.database import Database
from stockroom.db.storage import Storage

TIMEOUT = 2.0

Probe = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Readiness:
    """`probes` raise where the dependency is away; None stands for one that the settings do without.

    `shown` names the activities that are told of, also where the settings do without one.
    """

    probes: Mapping[str, Probe | None]
    running: Activities
    shown: Sequence[str]

    def activities(self) -> dict[str, str]:
        """`ok`, `failed` or `unused` for each background activity."""
        states = self.running.states()
        return {name: states.get(name, "unused") for name in self.shown}

    async def dependencies(self) -> dict[str, str]:
        """`ok`, `failed` or `unused` for each dependency, after two seconds at most."""
        states = await asyncio.gather(*(self._state(probe) for probe in self.probes.values()))
        return dict(zip(self.probes, states, strict=True))

    async def _state(self, probe: Probe | None) -> str:
        if probe is None:
            return "unused"
        try:
            async with asyncio.timeout(TIMEOUT):
                await probe()
        except Exception:  # noqa: BLE001 -- whatever it is that fails, the dependency does not answer
            return "failed"
        return "ok"


def database_probe(database: Database) -> Probe:
    def ask() -> None:
        with database.connect() as connection:
            connection.scalar(_ONE)

    return lambda: database.run(ask)


def storage_probe(storage: Storage) -> Probe:
    async def probe() -> None:
        if storage.is_full():
            raise OSError(errno.ENOSPC, "there is no room")

    return probe


_ONE = sa.select(sa.literal(1))


def network_probe(url: str, default_port: int) -> Probe:
    """Whether somebody listens where `url` points to."""
    parts = urlsplit(url)

    async def probe() -> None:
        _, writer = await asyncio.open_connection(parts.hostname or "127.0.0.1", parts.port or default_port)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    return probe
