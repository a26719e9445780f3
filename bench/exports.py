"""Exports: records a second out of a large stockroom, the memory they take, how fast the file is fetched."""

import time
from dataclasses import dataclass
from datetime import datetime
from itertools import product

from bench.client import Client
from bench.generate import Sizes
from bench.imports import Watch, ended_task
from bench.stack import Stack

RATE = 50_000
"""Records a second that are wanted. Each movement here has one line, and so is one row of a table."""
MEMORY = 300 * 2**20

FILES = tuple(product(("items", "levels", "movements"), ("csv", "jsonl")))
"""Kinds and formats."""


@dataclass(frozen=True)
class Export:
    """What an export did. Sizes and memory are in bytes; `fetched` is how many seconds the download took."""

    kind: str
    format: str
    rows: int
    size: int
    seconds: float
    fetched: float
    worker_memory: int
    api_memory: int

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


def measure(up: Stack, sizes: Sizes, kind: str, form: str) -> Export:
    """Export everything of a kind, fetch the file, and watch. Raises RuntimeError unless it succeeds."""
    client = Client(up.api.url)
    client.log_in()
    busy = Watch(up, sizes)
    with busy.watching():
        begun = client.post("/exports", {"kind": kind, "format": form})
        task = ended_task(client, begun["id"])
        if task["state"] != "succeeded":
            raise RuntimeError(f"{kind} as {form}: {task}")
        client.log_in()
        asked = time.perf_counter()
        size = client.download(f"/tasks/{task['id']}/result")
        fetched = time.perf_counter() - asked
    began, ended = (datetime.fromisoformat(task[name]) for name in ("started_at", "finished_at"))
    return Export(
        kind=kind,
        format=form,
        rows=task["progress"]["done"],
        size=size,
        seconds=(ended - began).total_seconds(),
        fetched=fetched,
        worker_memory=busy.worker_memory,
        api_memory=busy.api_memory,
    )


def faults(done: list[Export]) -> list[str]:
    """Which exports are slower or larger than wanted, in lines."""
    lines = []
    for one in done:
        what = f"Export of {one.rows:,} {one.kind} as {one.format}"
        if one.rate < RATE:
            lines.append(f"{what}: {one.rate:,.0f} a second, and not {RATE:,}")
        for name, memory in (("worker", one.worker_memory), ("API", one.api_memory)):
            if memory > MEMORY:
                lines.append(f"{what}: the {name} takes {memory / 2**20:.0f} MiB")
    return lines
