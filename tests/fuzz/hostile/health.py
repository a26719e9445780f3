"""Whether the service is alive all the while: asked from a process of its own, that nothing else holds up."""

import http.client
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

# Seconds between two questions.
PAUSE = 0.02


@dataclass
class Pulse:
    """Seconds that each question after `/health/live` took, and what went wrong with others."""

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@contextmanager
def taken(url: str) -> Iterator[Pulse]:
    """Ask from now on; the pulse is known when the block has ended."""
    pulse = Pulse()
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    asking = processes.Process(target=_ask, args=(url, theirs), daemon=True)
    asking.start()
    ours.recv()  # It has begun.
    try:
        yield pulse
    finally:
        ours.send(None)
        pulse.seconds, pulse.faults = ours.recv()
        asking.join()


def _ask(url: str, other: Connection) -> None:
    seconds: list[float] = []
    faults: list[str] = []
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    other.send(None)
    while not other.poll(PAUSE):
        start = time.perf_counter()
        try:
            client.request("GET", "/health/live")
            answer = client.getresponse()
            if answer.read() != b'{"status":"ok"}':
                faults.append(f"answered {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            faults.append(repr(error))
            client.close()
        seconds.append(time.perf_counter() - start)
    other.send((seconds, faults))
