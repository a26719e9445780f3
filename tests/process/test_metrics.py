"""Metrics are those of all processes of the API, on a port of their own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from stockroom.process.metrics import ContractMetrics
from tests.processes import GUNICORN, PATIENCE, ROOT, Service, _environment, _free_port

CHECKED = "stockroom_contract_checked_total"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a service puts the folder of its counters, which is gone when the service is."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    assert list(folder.glob("stockroom-metrics-*")) == []


def test_counters_are_those_of_all_processes_also_of_one_that_died(
    folder: Path, start_service: Callable[..., Service]
) -> None:
    port = _free_port()
    service = start_service(web_workers=2, metrics_port=port)
    one, other = until(lambda: len(files := counters(folder)) == 2 and files)
    with paused(pid(other)):
        ask(service, 3, counted_in=one)
    with paused(pid(one)):
        ask(service, 2, counted_in=other)
    total = until(lambda: scraped(port) == checked(one) + checked(other) and scraped(port))
    assert total >= 5

    os.kill(pid(one), signal.SIGKILL)
    until(lambda: len(counters(folder)) == 3)
    assert scraped(port) >= total


def test_metrics_are_on_their_own_port_alone(folder: Path, start_service: Callable[..., Service]) -> None:
    port = _free_port()
    service = start_service(metrics_port=port)
    assert httpx.get(f"{service.url}/metrics").status_code == 404
    assert httpx.get(f"http://127.0.0.1:{port}/me").text.startswith("# HELP stockroom_contract_")


def test_a_port_that_is_taken_is_one_line_and_no_service(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = {"data_dir": folder, "port": _free_port(), "metrics_port": port}
        done = subprocess.run(
            [sys.executable, "-m", *GUNICORN],
            cwd=folder,
            env=_environment(settings),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"STOCKROOM_METRICS_PORT: cannot listen on 127.0.0.1, port {port}: Address already in use"
    ]


def test_who_asks_for_no_metrics_does_not_wait_for_them() -> None:
    code = "import sys, app, stockroom.process.metrics_server; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=PATIENCE)


def test_drift_is_counted_by_operation_status_and_part() -> None:
    metrics = ContractMetrics()
    metrics.checked()
    metrics.unchecked("busy")
    for _ in range(2):
        metrics.drifted("handlers.items.read", 200, "body")
    assert {
        (sample.name, *sample.labels.values()): sample.value
        for counter in vars(metrics).values()
        for family in counter.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    } == {
        (CHECKED,): 1,
        ("stockroom_contract_drift_total", "handlers.items.read", "200", "body"): 2,
        # Those that have not happened are there all the same: a first one shows as a step.
        ("stockroom_contract_unchecked_total", "busy"): 1,
        ("stockroom_contract_unchecked_total", "failed"): 0,
        ("stockroom_contract_unchecked_total", "too-long"): 0,
    }


def ask(service: Service, times: int, *, counted_in: Path) -> None:
    """Ask so many times, each on a connection of its own, and wait until that is counted there."""
    before = checked(counted_in)
    for _ in range(times):
        assert httpx.get(service.url, timeout=PATIENCE).is_success
    until(lambda: checked(counted_in) >= before + times)


def scraped(port: int) -> float:
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).text
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return next(sample.value for sample in samples if sample.name == CHECKED)


def checked(file: Path) -> float:
    """What one process has counted."""
    families = MultiProcessCollector.merge([str(file)])
    samples = (sample for family in families for sample in family.samples)
    return next((sample.value for sample in samples if sample.name == CHECKED), 0)


def counters(folder: Path) -> list[Path]:
    """The files of processes that have begun to count."""
    return sorted(folder.glob("stockroom-metrics-*/counter_*.db"))


def pid(file: Path) -> int:
    return int(file.stem.removeprefix("counter_"))


@contextmanager
def paused(process: int) -> Iterator[None]:
    """Stop a process for a while, so that the other one answers."""
    os.kill(process, signal.SIGSTOP)
    try:
        until(lambda: "T" in _state(process))
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def _state(process: int) -> str:
    return subprocess.run(
        ["ps", "-o", "state=", "-p", str(process)], capture_output=True, text=True, check=True
    ).stdout


def until(condition: Callable[[], Any]) -> Any:
    """What `condition` returns once it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
    return value
