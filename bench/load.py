"""Load: wrk sends a list of requests on some connections for some seconds."""

import json
import resource
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_SCRIPT = Path(__file__).parent / "wrk.lua"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: Any = None
    etag: str = ""
    """What If-None-Match holds; empty: it is not sent."""

    def line(self) -> str:
        body = "" if self.body is None else json.dumps(self.body, separators=(",", ":"))
        return f"{self.method}\t{self.path}\t{self.etag}\t{body}\n"


@dataclass(frozen=True)
class Load:
    """What came of it. `p50` and `p99` are latencies in seconds, `cpu_seconds` are wrk's own."""

    requests: int
    seconds: float
    size: float
    """Bytes an answer, with its head."""
    p50: float
    p99: float
    cpu_seconds: float = 0.0


class LoadError(Exception):
    """Some requests were refused or broke off, so that there is nothing to compare."""


def run(url: str, token: str, requests: Iterable[Request], *, connections: int, seconds: float) -> Load:
    """Send `requests` in turn, round and round. Raises LoadError unless all answers are 2xx or 3xx."""
    with tempfile.NamedTemporaryFile("w", prefix="bench-", suffix=".list") as listed:
        listed.writelines(request.line() for request in requests)
        listed.flush()
        command = ["wrk", "--threads", "1", "--connections", str(connections)]
        command += ["--duration", f"{seconds:.0f}s", "--timeout", "10s", "--latency"]
        command += ["--script", str(_SCRIPT), url, "--", listed.name, *([token] if token else [])]
        before = _children_cpu()
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        return replace(read(done.stdout, done.stderr), cpu_seconds=_children_cpu() - before)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read(output: str, errors: str = "") -> Load:
    """Read the line of JSON that ends wrk's output."""
    if not output.rstrip().endswith("}"):
        raise LoadError(f"wrk says: {errors or output}")
    figures = json.loads(output.rstrip().splitlines()[-1])
    if figures["refused"] or figures["broken"]:
        raise LoadError(
            f"of {figures['requests']} requests {figures['refused']} were refused, "
            f"and {figures['broken']} broke off"
        )
    return Load(
        requests=figures["requests"],
        seconds=figures["microseconds"] / 1e6,
        size=figures["bytes"] / max(figures["requests"], 1),
        p50=figures["p50"] / 1e6,
        p99=figures["p99"] / 1e6,
    )
