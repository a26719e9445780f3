"""Readiness: whether each thing the service depends on answers, found out without holding anybody up."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import sqlalchemy as sa

TIMEOUT = 2.0

Probe = Callable[[], None]


@dataclass(frozen=True)
class Readiness:
    """`probes` raise where the dependency is away; None stands for one that the settings do without."""

    probes: Mapping[str, Probe | None]
    # Threads of its own: the handlers' may all be waiting for the very database that is asked about.
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(3, thread_name_prefix="readiness")
    )

    async def states(self) -> dict[str, str]:
        """`ok`, `failed` or `unused` for each dependency, after two seconds at most."""
        states = await asyncio.gather(*(self._state(probe) for probe in self.probes.values()))
        return dict(zip(self.probes, states, strict=True))

    async def _state(self, probe: Probe | None) -> str:
        if probe is None:
            return "unused"
        try:
            async with asyncio.timeout(TIMEOUT):
                await asyncio.get_running_loop().run_in_executor(self.threads, probe)
        except Exception:  # noqa: BLE001 -- whatever it is that fails, the dependency does not answer
            return "failed"
        return "ok"


def database_probe(engine: sa.Engine) -> Probe:
    def probe() -> None:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))

    return probe


def network_probe(url: str, default_port: int) -> Probe:
    """Whether somebody listens where `url` points to."""
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or default_port)

    def probe() -> None:
        socket.create_connection(address, timeout=TIMEOUT / 2).close()

    return probe
