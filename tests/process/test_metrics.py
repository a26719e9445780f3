"""Metrics are those of all processes of the API, on a port of their own."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
import structlog
from prometheus_client.multiprocess import MultiProcessCollector

from stockroom.activities.activities import Activities
from stockroom.process.activity_metrics import ActivityMetrics
from stockroom.process.api_metrics import ApiMetrics
from stockroom.process.metrics_server import MetricsServer
from tests.observer import Failures
from tests.processes import GUNICORN, PATIENCE, ROOT, Service, _environment, _free_port
from tests.scraping import scrape, until

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
    assert "# HELP stockroom_contract_" in httpx.get(f"http://127.0.0.1:{port}/me").text


FAILURES = "stockroom_activity_failures_total"
FAILING = "stockroom_activity_failing"


def test_a_background_activity_that_fails_is_told_of_by_metrics_readiness_and_log(
    folder: Path, start_service: Callable[..., Service]
) -> None:
    port = _free_port()
    service = start_service(metrics_port=port, web_workers=2)
    one, _ = until(lambda: len(found := following(folder)) == 2 and found)
    # Before anything has failed.
    begun = dict.fromkeys(("revocations", "dispatch", "drift", "writes", "gauges"), 0)
    assert (samples(port, FAILING), samples(port, FAILURES)) == (begun, begun)
    with without_table(service, "revocations"):
        until(lambda: samples(port, FAILING)["revocations"] == 1)
        unready = until(lambda: not (answer := ready(service)).is_success and answer)
        assert unready.json()["activities"]["revocations"] == "failed"
        assert unready.json()["dependencies"]["database"] == "ok"
    until(lambda: samples(port, FAILING)["revocations"] == 0)
    until(lambda: ready(service).is_success)
    failures = samples(port, FAILURES)
    assert (failures["revocations"] > 0, failures["dispatch"]) == (True, 0)
    assert service.log().count('"event":"activity.failed"') == 2
    # What one that has ended said of itself is forgotten.
    os.kill(pid(one), signal.SIGKILL)
    until(lambda: not list(folder.glob(f"*/gauge_*_{pid(one)}.db")))


def test_a_thread_that_serves_metrics_is_put_in_the_place_of_one_that_has_ended(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockroom.process.metrics_server._LOOK_SECONDS", 0.01)
    monkeypatch.setattr("stockroom.activities.activity.FIRST_WAIT", 0.01)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    activities = Activities(failures := Failures())
    port = _free_port()
    server = MetricsServer("127.0.0.1", port, "STOCKROOM_METRICS_PORT", activities)
    try:
        with structlog.testing.capture_logs() as logged:
            server._server.shutdown()
            until(lambda: failures.counts["metrics"] == 1 and not failures.failing)
        assert httpx.get(f"http://127.0.0.1:{port}/metrics").is_success
        assert [line["event"] for line in logged] == ["activity.failed", "activity.recovered"]
        assert activities.states() == {"metrics": "ok"}
    finally:
        server.close()


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
    metrics = ApiMetrics()
    metrics.checked()
    metrics.unchecked("busy")
    for _ in range(2):
        metrics.drifted("handlers.items.read", 200, "body")
    assert {
        (sample.name, *sample.labels.values()): sample.value
        for counter in (metrics._checked, metrics._drift, metrics._unchecked)
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


def test_failures_are_counted_and_what_fails_now_is_known_of_what_lasts() -> None:
    metrics = ActivityMetrics()
    for name in ("revocations", "dispatch"):
        metrics.begun(name)
    for name in ("revocations", "revocations", "dispatch", "lease"):
        metrics.failed(name)
    for name in ("dispatch", "lease"):
        metrics.recovered(name)
    assert {
        (sample.name, sample.labels["activity"]): sample.value
        for metric in (metrics._failures, metrics._failing)
        for family in metric.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    } == {
        (FAILURES, "revocations"): 2,
        (FAILURES, "dispatch"): 1,
        (FAILURES, "lease"): 1,
        (FAILING, "revocations"): 1,
        (FAILING, "dispatch"): 0,
    }


def ask(service: Service, times: int, *, counted_in: Path) -> None:
    """Ask so many times, each on a connection of its own, and wait until that is counted there."""
    before = checked(counted_in)
    for _ in range(times):
        assert httpx.get(service.url, timeout=PATIENCE).is_success
    until(lambda: checked(counted_in) >= before + times)


def scraped(port: int) -> float:
    return next(sample.value for sample in scrape(port) if sample.name == CHECKED)


def samples(port: int, name: str) -> dict[str, float]:
    """The values of a metric, by its activity."""
    return {sample.labels["activity"]: sample.value for sample in scrape(port) if sample.name == name}


def ready(service: Service) -> httpx.Response:
    return httpx.get(f"{service.url}/health/ready", timeout=PATIENCE)


@contextmanager
def without_table(service: Service, table: str) -> Iterator[None]:
    """Take a table away for a while, from an embedded service."""
    with closing(sqlite3.connect(service.folder / "var" / "stockroom.db", timeout=PATIENCE)) as database:
        database.execute(f"ALTER TABLE {table} RENAME TO away")
        database.commit()
        try:
            yield
        finally:
            database.execute(f"ALTER TABLE away RENAME TO {table}")
            database.commit()


def checked(file: Path) -> float:
    """What one process has counted."""
    families = MultiProcessCollector.merge([str(file)])
    samples = (sample for family in families for sample in family.samples)
    return next((sample.value for sample in samples if sample.name == CHECKED), 0)


def counters(folder: Path) -> list[Path]:
    """The files of processes that have begun to count."""
    return sorted(folder.glob("stockroom-metrics-*/counter_*.db"))


def following(folder: Path) -> list[Path]:
    """The files of processes that have started, and follow the feed of ended sessions."""
    return [
        file
        for file in counters(folder)
        for family in MultiProcessCollector.merge([str(file)])
        for sample in family.samples
        if (sample.name, sample.labels.get("activity")) == (FAILURES, "revocations")
    ]


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
