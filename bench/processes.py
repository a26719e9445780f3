"""What a server's processes have used, as Linux counts it. A server is known by its session's id."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(session: int) -> float:
    """User and system time of the session's processes so far, of those that have ended too."""
    return sum(_cpu(stat) for stat in _stats() if int(stat[3]) == session)


def cpu_seconds_of(pid: int) -> float:
    """The same of one process; none if it has ended."""
    stat = _stat(pid)
    return _cpu(stat) if stat else 0


def cpu_seconds_of_ended_children(pid: int) -> float:
    """The same of the process's children that have ended and were waited for."""
    return sum(map(int, _stat(pid)[13:15])) / _TICKS


def parent(pid: int) -> int:
    return int(_stat(pid)[1])


def name(pid: int) -> str:
    """The name of a process; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def peak_memory(session: int) -> int:
    """Bytes that the session's processes have held at most (VmHWM), added up: what they share, twice."""
    return sum(_kilobytes(pid, "status", "VmHWM:") for pid in _members(session)) * 1024


def memory(session: int) -> int:
    """Bytes that the session's processes hold now, what they share split among those who share it (PSS)."""
    return sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in _members(session)) * 1024


def _members(session: int) -> list[int]:
    return [int(stat[-1]) for stat in _stats() if int(stat[3]) == session]


def _stats() -> Iterator[list[str]]:
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return filter(None, map(_stat, pids))


def _stat(pid: int) -> list[str]:
    """The fields of proc(5)'s stat from the third on, the state; the process id is put last.

    Nothing if there is no such process.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return []
    # The second field is a name in parentheses that may hold anything.
    return [*text.rpartition(")")[2].split(), f"{pid}"]


def _cpu(stat: list[str]) -> float:
    # utime, stime, and those of children that were waited for.
    return sum(map(int, stat[11:15])) / _TICKS


def _kilobytes(pid: int, file: str, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(field))
