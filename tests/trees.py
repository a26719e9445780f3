"""Processes with all that they have started, as Linux tells of them: what they are, and what they use."""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple


def children(pid: int) -> list[int]:
    """Those that any of its threads has started and that live."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(child) for child in thread.read_text().split()]
    return found


def tree(pid: int) -> list[int]:
    """The process and all below it, parents first."""
    return [pid, *(found for child in children(pid) for found in tree(child))]


def send(pids: list[int], how: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, how)


def have_ended(pids: list[int], seconds: float) -> bool:
    """Whether all end within so many seconds; whose children they are does not matter."""
    until = time.monotonic() + seconds
    with ExitStack() as stack:
        for pid in pids:
            with suppress(ProcessLookupError):
                watched = os.pidfd_open(pid)
                stack.callback(os.close, watched)
                if not select.select([watched], [], [], max(0, until - time.monotonic()))[0]:
                    return False
    return True


@contextmanager
def frozen(pids: list[int]) -> Iterator[None]:
    """They hold what they have, and do nothing."""
    send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        send(pids, signal.SIGCONT)


class Usage(NamedTuple):
    """What processes use together."""

    threads: int
    descriptors: int
    mebibytes: float


def usage(pids: list[int]) -> Usage:
    folders = [Path(f"/proc/{pid}") for pid in pids]
    return Usage(
        sum(len(list((folder / "task").iterdir())) for folder in folders),
        sum(len(list((folder / "fd").iterdir())) for folder in folders),
        sum(_resident(folder) for folder in folders) / 2**20,
    )


def _resident(folder: Path) -> int:
    pages = int((folder / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
