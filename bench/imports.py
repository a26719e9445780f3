"""Imports: rows a second into a large table, the memory they take, and what clients of the API notice."""

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from statistics import quantiles
from typing import Any

from bench import processes
from bench.client import Client
from bench.generate import Sizes, place, sku
from bench.stack import Stack

LARGEST = 100 * 2**20
"""Bytes: the contract takes no larger file."""
RATES = {"items": 20_000, "movements": 5_000}
"""Rows a second that are wanted."""
MEMORY = 300 * 2**20

_PACE = 50
"""Requests a second that the API gets meanwhile, from one client."""
_CALM = 30.0
"""Seconds for which the API's latency is measured before."""


@dataclass(frozen=True)
class Import:
    """What an import did. Memory is in bytes, p99 in seconds, of reading one item."""

    kind: str
    rows: int
    size: int
    seconds: float
    worker_memory: int
    api_memory: int
    calm_p99: float
    p99: float

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


def item_rows(first: int, rows: int) -> bytes:
    """A file of new items, numbered from `first`."""
    lines = (
        f"IMP-{number:09d},Imported bracket {number},From the old catalogue,piece,{number % 50},"
        f"imported|lot-{number % 90}"
        for number in range(first, first + rows)
    )
    return "\n".join(["sku,name,description,unit,reorder_point,tags", *lines, ""]).encode()


def movement_rows(sizes: Sizes, rows: int) -> bytes:
    """A file of receipts of items that there are."""
    chance = random.Random(rows)  # noqa: S311 - nothing secret is drawn
    places = (place(chance.randint(1, sizes.items)) for _ in range(rows))
    lines = (f"{code},{location},{1 + row % 9},import-{row}" for row, (code, location) in enumerate(places))
    return "\n".join(["sku,location,quantity,reference", *lines, ""]).encode()


def measure(up: Stack, sizes: Sizes, kind: str, content: bytes) -> Import:
    """Import a file and watch. Raises RuntimeError unless every row is accepted."""
    rows = content.count(b"\n") - 1
    calm = Watch(up, sizes)
    with calm.watching():
        time.sleep(_CALM)
    client = Client(up.api.url)
    client.log_in()
    busy = Watch(up, sizes)
    with busy.watching():
        task = ended_task(client, client.upload(f"/imports?kind={kind}", content)["id"])
    if task["state"] != "succeeded" or task["summary"]["created"] != rows:
        raise RuntimeError(f"of {rows} rows: {task}")
    started, finished = (datetime.fromisoformat(task[name]) for name in ("started_at", "finished_at"))
    return Import(
        kind=kind,
        rows=rows,
        size=len(content),
        seconds=(finished - started).total_seconds(),
        worker_memory=busy.worker_memory,
        api_memory=busy.api_memory,
        calm_p99=calm.p99,
        p99=busy.p99,
    )


def ended_task(client: Client, task: str) -> dict[str, Any]:
    """The task, once it has ended."""
    began = time.monotonic()
    while True:
        if time.monotonic() - began > 300:
            client.log_in()
            began = time.monotonic()
        found: dict[str, Any] = client.get(f"/tasks/{task}")
        if found["finished_at"] is not None:
            return found
        time.sleep(0.5)


@dataclass
class Watch:
    """Asks the API for items at an even pace, and looks at the memory of all processes."""

    up: Stack
    sizes: Sizes
    worker_memory: int = 0
    api_memory: int = 0
    _taken: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def p99(self) -> float:
        return quantiles(self._taken, n=100, method="inclusive")[-1]

    @contextmanager
    def watching(self) -> Iterator[None]:
        # The client is a process of its own: beside a thread that computes it would time Python's lock.
        python = multiprocessing.get_context("spawn")
        over = python.Event()
        taken, told = python.Pipe(duplex=False)
        asking = python.Process(target=_ask, args=(self.up.api.url, self.sizes, over, told))
        looking = threading.Thread(target=self._look)
        asking.start()
        # The only one left is the client's, so that nobody waits for a client that has failed.
        told.close()
        looking.start()
        try:
            yield
        finally:
            self._over.set()
            over.set()
            self._taken = taken.recv()
            asking.join()
            looking.join()

    def _look(self) -> None:
        while True:
            self.worker_memory = max(self.worker_memory, processes.memory(self.up.worker))
            self.api_memory = max(self.api_memory, processes.memory(self.up.api.session))
            if self._over.wait(0.25):
                return


def _ask(url: str, sizes: Sizes, over: Event, told: Connection) -> None:
    """Ask for one item after the other until it is over; tell how many seconds each took."""
    _keep_a_core()
    client = Client(url, "viewer")
    chance = random.Random(7)  # noqa: S311 - nothing secret is drawn
    logged_in = -1e9
    taken: list[float] = []
    while not over.wait(1 / _PACE):
        if time.monotonic() - logged_in > 300:
            client.log_in()
            logged_in = time.monotonic()
        taken.append(client.seconds(f"/items/{sku(chance.randint(1, sizes.items))}"))
    told.send(taken)


def _keep_a_core() -> None:
    """Run before all others, as a client elsewhere would: what it waits for a core is not the API's time.

    The system may not allow it to any but root; then this does nothing.
    """
    with suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


def faults(done: list[Import]) -> list[str]:
    """Which imports are slower, larger or more of a bother than wanted, in lines."""
    lines = []
    for one in done:
        what = f"Import of {one.rows:,} {one.kind}"
        if one.rate < RATES[one.kind]:
            lines.append(f"{what}: {one.rate:,.0f} a second, and not {RATES[one.kind]:,}")
        if one.worker_memory > MEMORY:
            lines.append(f"{what}: the worker takes {one.worker_memory / 2**20:.0f} MiB")
        if one.p99 > 2 * one.calm_p99:
            lines.append(
                f"{what}: p99 is {one.p99 * 1000:.1f} ms meanwhile, {one.calm_p99 * 1000:.1f} before"
            )
    return lines
