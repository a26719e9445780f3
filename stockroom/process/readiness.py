"""Readiness: whether each thing the service depends on answers, and each background activity is well.

It is found out without holding anybody up.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Activity
from stockroom.db import migrate
from stockroom.db.database import Database
from stockroom.db.read_only import ReadOnly
from stockroom.db.storage import Storage

TIMEOUT = 2.0

Probe = Callable[[], Awaitable[None]]


class Readiness:
    """Whether the dependencies answer and the activities are well."""

    def __init__(self, probes: Mapping[str, Probe | None], running: Activities, shown: Sequence[str]) -> None:
        """`probes` raise where the dependency is away; None stands for one that the settings do without.

        `shown` names the activities that are told of, also where the settings do without one.
        """
        self._dependencies = {name: _Dependency(probe) for name, probe in probes.items()}
        self._running = running
        self._shown = shown

    def activities(self) -> dict[str, str]:
        """`ok`, `failed` or `unused` for each background activity."""
        states = self._running.states()
        return {name: states.get(name, "unused") for name in self._shown}

    async def dependencies(self) -> dict[str, str]:
        """`ok`, `failed` or `unused` for each dependency, after two seconds at most."""
        states = await asyncio.gather(*(one.state() for one in self._dependencies.values()))
        return dict(zip(self._dependencies, states, strict=True))


class _Dependency:
    """Something that is asked once at a time: anybody may ask for readiness, as often as he likes."""

    def __init__(self, probe: Probe | None) -> None:
        self._probe = probe
        self._under_way: asyncio.Task[str] | None = None

    async def state(self) -> str:
        if self._probe is None:
            return "unused"
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._answer(self._probe))
        # Whoever leaves does not end it for the others.
        return await asyncio.shield(self._under_way)

    @staticmethod
    async def _answer(probe: Probe) -> str:
        try:
            async with asyncio.timeout(TIMEOUT):
                await probe()
        except Exception:  # noqa: BLE001 -- whatever it is that fails, the dependency does not answer
            return "failed"
        return "ok"


def database_probe(database: Database, is_usable: Callable[[], bool], told: Activity) -> Probe:
    """Whether the database answers, and can be used and written; `told` is told where it can only be read."""

    def ask() -> None:
        with database.connect() as connection:
            # Something that has to be read from where it is kept.
            migrate.current(connection)
            try:
                connection.require_writable()
            except ReadOnly as error:
                told.failed(error)
                raise
        told.succeeded()
        if not is_usable():
            raise RuntimeError("it is of another version or damaged, or was not looked at yet")

    return lambda: database.run(ask)


def storage_probe(storage: Storage) -> Probe:
    async def probe() -> None:
        if storage.is_full():
            raise OSError(errno.ENOSPC, "there is no room")
        if folder := storage.unwritable():
            raise OSError(errno.EACCES, "it cannot be written", str(folder))

    return probe


def network_probe(url: str, default_port: int) -> Probe:
    """Whether somebody listens where `url` points to."""
    parts = urlsplit(url)

    async def probe() -> None:
        _, writer = await asyncio.open_connection(parts.hostname or "127.0.0.1", parts.port or default_port)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    return probe
