"""Results: kept as JSON, put together as medians of the rounds."""

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench import databases
from bench.rounds import Measurement

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Results:
    """All that was measured, and on what."""

    measurements: Sequence[Measurement]
    machine: Mapping[str, Any]
    versions: Mapping[str, Mapping[str, str]]
    seconds: float

    def names(self, kind: str) -> list[str]:
        """The servers or works that were measured, in the order of their first measurement."""
        return list(dict.fromkeys(getattr(measurement, kind) for measurement in self.measurements))

    def median(self, server: str, work: str, figure: str) -> float:
        """The median over the rounds of a figure of `Measurement`."""
        return float(median(getattr(measurement, figure) for measurement in self._of(server, work)))

    def ratio(self, server: str, work: str, to: str, figure: str = "per_cpu_second") -> float:
        """How many times the `figure` of `to` the server has: the median of the rounds' ratios."""
        others = {measurement.round: getattr(measurement, figure) for measurement in self._of(to, work)}
        pairs = [(getattr(own, figure), others.get(own.round)) for own in self._of(server, work)]
        return median(own / other for own, other in pairs if other)

    def peak_memory(self, server: str) -> int:
        """Bytes, the highest of all rounds."""
        return max(measurement.memory for measurement in self.measurements if measurement.server == server)

    def _of(self, server: str, work: str) -> list[Measurement]:
        return [m for m in self.measurements if m.server == server and m.work == work]


def save(results: Results, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    document = {
        "machine": results.machine,
        "versions": results.versions,
        "seconds": results.seconds,
        "measurements": [asdict(measurement) for measurement in results.measurements],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")


def read(path: Path) -> Results:
    document = json.loads(path.read_text())
    return Results(
        measurements=[Measurement(**values) for values in document["measurements"]],
        machine=document["machine"],
        versions=document["versions"],
        seconds=document["seconds"],
    )


def machine() -> dict[str, Any]:
    """What the figures were measured on, and when."""
    return {
        "when": datetime.now(UTC).date().isoformat(),
        "cpu": _first("/proc/cpuinfo", "model name"),
        "cores": sum(line.startswith("processor") for line in _lines("/proc/cpuinfo")),
        "memory": f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "postgresql": databases.version(),
    }


def machine_line(machine: Mapping[str, Any]) -> str:
    return (
        f"{machine['when']}, {machine['cores']} cores ({machine['cpu']}), {machine['memory']}, "
        f"{machine['system']}, Python {machine['python']}, PostgreSQL {machine['postgresql']}"
    )


def _first(path: str, name: str) -> str:
    found = (line.partition(":")[2].strip() for line in _lines(path) if line.startswith(name))
    return next(found, "unknown 0")


def _lines(path: str) -> Iterable[str]:
    return Path(path).read_text().splitlines()
