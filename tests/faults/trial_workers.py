"""Workers are killed and frozen in the midst of an import: `make faults`."""

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.faults.load import audit, signed_in, stock_up
from tests.faults.servers import rabbitmq
from tests.faults.services import Restartable, Worker, restartable
from tests.onlooker import onlooker
from tests.service import KEY

ROWS = 100_000
FAULTS = 10
LEASE_SECONDS = 3
"""Where there are many faults; one more import has the default."""
RESUMED = 60
"""Seconds from a fault to the next progress."""
IN_FLIGHT = 1.0
ROWS_OF_FILE = "sku,name\n" + "".join(f"P{number},Part {number}\n" for number in range(ROWS))

Start = Callable[..., "Site"]


class Site:
    """A service, one worker at first, and an import."""

    def __init__(self, service: Restartable, stack: ExitStack) -> None:
        self.service, self._stack = service, stack
        self._workers = 0
        is_embedded = service.service.database_url.startswith("sqlite")
        self._pool = "solo" if is_embedded else "prefork"
        self.worker = self.new_worker()
        self._client = stack.enter_context(httpx.Client(base_url=service.url, timeout=60))

    def new_worker(self) -> Worker:
        self._workers += 1
        worker = Worker(self.service.service, f"worker-{self._workers}", pool=self._pool)
        return self._stack.enter_context(worker)

    def begin(self) -> None:
        sent = signed_in() | {"Content-Type": "text/csv"}
        answer = self._client.post("/imports?kind=items", content=ROWS_OF_FILE, headers=sent)
        assert answer.status_code == 202, answer.text
        self._task = answer.headers["Location"]

    def task(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(self._task, headers=signed_in()).json()
        return found

    def await_rows(self, rows: int, seconds: float = 600) -> float:
        """How long it takes until so many rows are done, or all of them."""
        begun = time.monotonic()
        while (task := self.task())["progress"]["done"] < rows and task["state"] in {"queued", "running"}:
            assert time.monotonic() - begun < seconds, f"{task}\n{self.service.service.log()}"
            if self.worker.has_ended:
                # Celery ends if a process of its pool dies at the start; a service manager starts it again.
                self.worker = self.new_worker()
            time.sleep(0.05)
        return time.monotonic() - begun

    def await_more(self) -> float:
        # What was on its way to the database when the fault came is no resumption.
        time.sleep(IN_FLIGHT)
        return IN_FLIGHT + self.await_rows(self.task()["progress"]["done"] + 1, RESUMED)


def kill_all(site: Site) -> float:
    """The worker and its pool; another is started."""
    site.worker.kill(*site.worker.processes)
    site.worker = site.new_worker()
    return site.await_more()


def kill_child(site: Site) -> float:
    """The process of the pool that does the work; Celery starts another."""
    site.worker.kill(site.worker.pool_process())
    return site.await_more()


def freeze(site: Site) -> float:
    """For longer than its lease; another worker takes over, and the first one finds that out."""
    slow, site.worker = site.worker, site.new_worker()
    with slow.frozen():
        resumed = site.await_more()
    slow.stop()
    return resumed


@pytest.fixture(params=["embedded", "folder", "redis", "rabbitmq"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """`embedded` is SQLite and a broker in a folder, `folder` PostgreSQL and the same broker."""
    settings: dict[str, Any] = {"jwt_key": KEY, "rate_limits": "report"}
    with ExitStack() as stack:
        if request.param != "embedded":
            settings["database_url"] = request.getfixturevalue("_postgresql_url")
        if request.param == "redis":
            settings["broker_url"] = stack.enter_context(request.getfixturevalue("start_redis")()).url
        if request.param == "rabbitmq":
            settings["broker_url"] = stack.enter_context(rabbitmq(tmp_path / "rabbitmq")).url

        def start(**changes: Any) -> Site:
            service = stack.enter_context(restartable(tmp_path / "service", settings | changes))
            stock_up(service.service)
            return Site(service, stack)

        yield start


def test_every_row_is_imported_once(start: Start, request: Any, tell: Callable[[str], None]) -> None:
    site, resumed = start(lease_seconds=LEASE_SECONDS), defaultdict[str, list[float]](list)
    faults = (kill_all, kill_child, freeze)
    if request.node.callspec.params["start"] == "embedded":
        # It has no pool. A frozen writer of SQLite has the file locked until it goes on.
        faults = (kill_all,)
    points = sorted(secrets.randbelow(ROWS - 5_000) for _ in range(FAULTS))
    site.begin()
    for number, point in enumerate(points):
        site.await_rows(point)
        if site.task()["state"] != "running":
            # It got past this point while the last fault was got over.
            break
        fault = faults[number % len(faults)]
        resumed[fault.__name__].append(round(fault(site), 1))
    site.await_rows(ROWS)
    amid = sum(len(seconds) for seconds in resumed.values())
    told = f"leases of {LEASE_SECONDS} s, resumed after {dict(resumed)} s"
    tell(f"{request.node.callspec.id}: {amid} faults, {told}; {assert_imported(site)}")
    assert amid > FAULTS / 2


def test_a_killed_worker_s_import_goes_on_within_a_minute(
    start: Start, request: Any, tell: Callable[[str], None]
) -> None:
    site = start()
    site.begin()
    site.await_rows(secrets.randbelow(ROWS // 2))
    resumed = kill_all(site)
    site.await_rows(ROWS)
    tell(
        f"{request.node.callspec.id}: resumed after {resumed:.1f} s (default leases); {assert_imported(site)}"
    )


def assert_imported(site: Site) -> str:
    """All rows are there, each written once."""
    while (task := site.task())["state"] == "running":
        time.sleep(0.1)
    none = dict.fromkeys(("updated", "unchanged", "merged", "rejected"), 0)
    assert (task["state"], task["summary"]) == ("succeeded", {"created": ROWS, **none})
    with onlooker(site.service.service.database_url).connect() as connection:
        found = connection.execute(
            sa.text("SELECT count(*), max(version) FROM items WHERE sku LIKE 'P%' AND name LIKE 'Part %'")
        )
        assert tuple(found.one()) == (ROWS, 1)
    return audit(site.service.service)
