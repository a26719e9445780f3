"""What Stockroom takes without doing anything: time to start, memory; and what a second process gives."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import httpx

from bench import load, processes
from bench.servers import STOCKROOM, Running, running
from bench.stack import stack
from bench.usage import measuring
from bench.works import WORKS, Asker, log_in

START = 2.0
"""Seconds in which it has to start."""
GAIN = 1.7
"""So many times the requests a second of one process two have to answer."""

_STARTS = 5
_SETTLED = 5.0
_CONNECTIONS = 32


@dataclass(frozen=True)
class Idle:
    """Seconds from the start to the first answer; bytes that the API and the worker take at rest."""

    start: float
    api_memory: int
    worker_memory: int


@dataclass(frozen=True)
class Throughput:
    """Requests of one item that some processes answered. Times are CPU time, in seconds a second: cores."""

    processes: int
    per_second: float
    per_cpu_second: float
    api_cores: float
    postgresql_cores: float
    client_cores: float


def idle(database_url: str) -> Idle:
    starts = []
    for _ in range(_STARTS):
        with running(STOCKROOM, database_url) as up:
            starts.append(up.started_in)
    with stack(database_url) as whole:
        time.sleep(_SETTLED)
        return Idle(median(starts), processes.memory(whole.api.session), processes.memory(whole.worker))


def throughput(database_url: str, items: int, *, rounds: int, seconds: float) -> Iterator[Throughput]:
    """One process and two in turn, on this machine, with the client and PostgreSQL beside them."""
    for number in range(rounds):
        for count in (1, 2):
            with running(STOCKROOM, database_url, web_workers=str(count)) as up:
                yield _throughput(up, database_url, count, items, number, seconds)


def _throughput(
    up: Running, database_url: str, count: int, items: int, number: int, seconds: float
) -> Throughput:
    with httpx.Client(base_url=up.url) as client:
        token = log_in(client)
        chance = random.Random(number)  # noqa: S311 - nothing secret is drawn
        asker = Asker(client, chance, seconds, items=items)
        asked = WORKS["read"].requests(asker)
    load.run(up.url, token, asked, connections=_CONNECTIONS, seconds=1)
    with measuring(up, database_url) as used:
        done = load.run(up.url, token, asked, connections=_CONNECTIONS, seconds=seconds)
    return Throughput(
        processes=count,
        per_second=done.requests / done.seconds,
        per_cpu_second=done.requests / used.server,
        api_cores=used.server / done.seconds,
        postgresql_cores=used.postgresql / done.seconds,
        client_cores=done.cpu_seconds / done.seconds,
    )


def gain(measured: Sequence[Throughput], figure: str) -> float:
    """How many times as much of `figure` two processes give as one."""
    return middle(measured, 2, figure) / middle(measured, 1, figure)


def middle(measured: Sequence[Throughput], count: int, figure: str) -> float:
    """The median of `figure` with so many processes."""
    return float(median(getattr(entry, figure) for entry in measured if entry.processes == count))


def faults(at_rest: Idle, measured: Sequence[Throughput]) -> list[str]:
    lines = []
    if at_rest.start > START:
        lines.append(f"It starts in {at_rest.start:.1f} s, and not in {START:.0f}")
    if (gained := gain(measured, "per_second")) < GAIN:
        lines.append(f"Two processes answer {gained:.2f} times the requests of one, and not {GAIN}")
    return lines
