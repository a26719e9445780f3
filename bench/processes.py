"""What a server's processes have used, as Linux counts it. A server is known by its session's id."""

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(session: int) -> float:
    """User and system time of the session's processes so far, of those that have ended too."""
    return sum(_cpu(stat) for stat in _stats() if int(stat[3]) == session)


def cpu_seconds_named(name: str) -> float:
    """The same of all processes of a program, whoever runs them."""
    return sum(_cpu(stat) for stat in _stats() if _name(int(stat[-1])) == name)


def peak_memory(session: int) -> int:
    """Bytes that the session's processes have held at most (VmHWM), added up: what they share, twice."""
    return sum(_kilobytes(pid, "status", "VmHWM:") for pid in _members(session)) * 1024


def memory(session: int) -> int:
    """Bytes that the session's processes hold now, what they share split among those who share it (PSS)."""
    return sum(_kilobytes(pid, "smaps_rollup", "Pss:") for pid in _members(session)) * 1024


def _members(session: int) -> list[int]:
    return [int(stat[-1]) for stat in _stats() if int(stat[3]) == session]


def _stats() -> Iterator[list[str]]:
    """The fields of proc(5)'s stat from the third on, the state; the process id is put last."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue  # It has ended.
            # The second field is a name in parentheses that may hold anything.
            yield [*text.rpartition(")")[2].split(), entry.name]


def _cpu(stat: list[str]) -> float:
    # utime, stime, and those of children that were waited for.
    return sum(map(int, stat[11:15])) / _TICKS


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _kilobytes(pid: int, file: str, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(field))
