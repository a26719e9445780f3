"""Real workers, as processes of their own, on a broker and a database in a folder."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from stockroom.activities.activities import Activities
from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from stockroom.db.files import FileStore
from stockroom.db.tables import import_keys, items, levels, users
from stockroom.db.tables import reservations as table
from stockroom.db.unit_of_work import Work
from stockroom.errors import TaskUnfinished
from stockroom.exports import actions as exports
from stockroom.exports.model import ExportOptions
from stockroom.imports import actions as imports
from stockroom.imports.model import ImportRequest
from stockroom.items import actions as catalogue
from stockroom.locations import actions as locations
from stockroom.reservations import actions as reservations
from stockroom.settings import Settings
from stockroom.stock import movements
from stockroom.uploads import PREFIX
from stockroom.work import actions as tasks
from stockroom.work.model import Task
from tasks import celery
from tasks.publisher import BrokerPublisher
from tests.disks import Disk
from tests.import_desk import PLENTY, Upload, principal
from tests.processes import _free_port
from tests.redis_server import RedisServer
from tests.scraping import scrape
from tests.workers import PATIENCE, end, worker_process

ROOT = Path(__file__).resolve().parents[2]
ROWS = 60_000
EXPORTED = 200_000


@dataclass
class Site:
    settings: Settings
    database: Database

    def begin(self, rows: int = ROWS) -> Task:
        """Begin an import that takes some seconds; one code of a hundred repeats the one before."""
        path = self.settings.data_dir / "upload"
        numbers = (number - (number % 100 == 99) for number in range(rows))
        path.write_text("sku,name\n" + "".join(f"P{number},Part {number}\n" for number in numbers))
        broker_publisher = BrokerPublisher(self.settings, Activities())
        with self.database.work() as work:
            task = imports.begin(
                work,
                ImportRequest("items"),
                principal=principal(),
                upload=Upload(path),
                files=FileStore(self.settings.files_url),
                publisher=broker_publisher,
                bounds=PLENTY,
            )
        broker_publisher.close()
        return task

    def export(self) -> Task:
        """Begin an export that takes some seconds, of items that are made for it."""
        made = {"name": "Part", "unit": "piece", "archived": False, "version": 1}
        broker_publisher = BrokerPublisher(self.settings, Activities())
        with self.database.work() as work:
            made |= {"created_at": work.now, "updated_at": work.now}
            work.connection.execute(items.insert(), [made | {"sku": f"P{n:06d}"} for n in range(EXPORTED)])
            task = exports.begin(
                work,
                ExportOptions("items", "csv"),
                principal=principal(),
                publisher=broker_publisher,
                bounds=PLENTY,
            )
        broker_publisher.close()
        return task

    def result(self, task: Task) -> list[str]:
        files = FileStore(self.settings.files_url)
        with self.database.connect() as reader:
            result = exports.result(reader, task.id, principal=principal(), files=files)
        with result.file as file:
            return file.read().decode().splitlines()

    def find(self, task: Task) -> Task:
        with self.database.connect() as reader:
            return tasks.find(reader, task.id, "ann")

    def wait(self, task: Task, until: Callable[[Task], bool]) -> Task:
        give_up = time.monotonic() + PATIENCE
        while not until(found := self.find(task)):
            assert time.monotonic() < give_up, f"still {found}"
            time.sleep(0.02)
        return found

    def worker(self, pool: str = "solo", **settings: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
        return worker_process(self.settings, pool, **settings)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as site:
        yield site


@contextmanager
def open_site(folder: Path, **changes: Any) -> Iterator[Site]:
    database_url = f"sqlite:///{folder}/stockroom.db"
    settings = Settings(_env_file=None, data_dir=folder, database_url=database_url, **changes)
    migrate.upgrade(settings.database_url)
    database = open_database(settings.database_url, connections=2)
    with database.work() as work:
        user = {"username": "ann", "email": "a@example.org", "password_hash": "-", "role": "manager"}
        work.connection.execute(users.insert().values({**user, "disabled": False, "created_at": work.now}))
    with ExitStack() as stack:
        stack.callback(database.dispose)
        yield Site(settings, database)


def assert_imported_once(site: Site, task: Task) -> None:
    repeated = ROWS // 100
    assert task.summary == {
        "created": ROWS - repeated,
        "updated": 0,
        "unchanged": 0,
        "merged": repeated,
        "rejected": 0,
    }
    with site.database.connect() as reader:
        query = sa.select(sa.func.count(), sa.func.max(items.c.version))
        assert tuple(reader.execute(query).one()) == (ROWS - repeated, 1)
        assert reader.scalar(sa.select(sa.func.count()).select_from(import_keys)) == ROWS - repeated


def test_the_work_of_a_killed_worker_is_finished_by_another(site: Site) -> None:
    task = site.begin()
    with site.worker() as first:
        halfway = site.wait(task, lambda found: found.progress.done > 0)
        end(first, signal.SIGKILL)
    halfway = site.find(task)
    assert halfway.state == "running"
    assert 0 < halfway.progress.done < ROWS
    with site.worker():
        done = site.wait(task, lambda found: not found.pending)
    assert (done.state, done.progress.done, done.started_at) == ("succeeded", ROWS, halfway.started_at)
    assert_imported_once(site, done)


@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_a_worker_that_is_stopped_gives_its_work_back(site: Site, pool: str) -> None:
    task = site.begin()
    with site.worker(pool) as first:
        site.wait(task, lambda found: found.progress.done > 0)
        first.send_signal(signal.SIGTERM)
        assert first.wait(PATIENCE) == 0
    halfway = site.find(task)
    assert (halfway.state, 0 < halfway.progress.done < ROWS) == ("queued", True)
    with site.worker(pool):
        done = site.wait(task, lambda found: not found.pending)
    assert done.state == "succeeded"
    assert_imported_once(site, done)


def test_work_goes_on_by_itself_once_a_full_disk_has_room(make_disk: Callable[..., Disk]) -> None:
    disk = make_disk(96)
    log = disk.folder / "worker.log"
    with open_site(disk.folder) as site:
        task = site.begin()
        with site.worker():
            site.wait(task, lambda found: found.progress.done > 0)
            # Less than is reserved, and enough for the worker's log.
            with disk.filled(left=2**20):
                site.wait(task, lambda found: b"task.interrupted" in log.read_bytes())
                assert site.find(task).pending
            done = site.wait(task, lambda found: not found.pending)
        assert done.state == "succeeded"
        assert_imported_once(site, done)


def test_a_worker_waits_for_its_broker_as_long_as_it_takes(
    tmp_path: Path, start_redis: Callable[..., AbstractContextManager[RedisServer]]
) -> None:
    """It takes some seconds, which lie between two tries of Celery's and between two sweeps."""
    log = tmp_path / "worker.log"
    with open_site(tmp_path, broker_url=f"redis://127.0.0.1:{(port := _free_port())}/0") as site:
        first = site.begin(rows=10)
        with site.worker():
            until(lambda: "activity.failed" in log.read_text())
            with start_redis(port):
                assert site.wait(first, lambda found: not found.pending).state == "succeeded"
            second = site.begin(rows=20)
            with start_redis(port):
                assert site.wait(second, lambda found: not found.pending).state == "succeeded"
    # It is told of as of whatever else fails, and not at each try.
    assert "Cannot connect" not in log.read_text()


def test_the_worker_s_tries_to_reach_its_broker_have_no_limit() -> None:
    assert celery.app.conf.broker_connection_max_retries is None
    assert celery.app.conf.broker_connection_retry_on_startup is True
    assert celery.app.conf.broker_connection_retry is True


def begun(task: Task) -> bool:
    return task.progress.total is not None


def test_the_export_of_a_killed_worker_is_made_whole_by_another(site: Site) -> None:
    task = site.export()
    with site.worker() as first:
        site.wait(task, begun)
        end(first, signal.SIGKILL)
    assert site.find(task).state == "running"
    with pytest.raises(TaskUnfinished):
        site.result(task)
    with site.worker():
        done = site.wait(task, lambda found: not found.pending)
    assert (done.state, done.progress.done) == ("succeeded", EXPORTED)
    _, *rows = site.result(task)
    assert [row.partition(",")[0] for row in rows] == [f"P{n:06d}" for n in range(EXPORTED)]


def test_a_worker_that_is_stopped_gives_its_export_back(site: Site) -> None:
    task = site.export()
    with site.worker() as first:
        site.wait(task, begun)
        first.send_signal(signal.SIGTERM)
        assert first.wait(PATIENCE) == 0
    assert site.find(task).state == "queued"
    with site.worker():
        done = site.wait(task, lambda found: not found.pending)
    assert done.state == "succeeded"
    assert len(site.result(task)) == 1 + EXPORTED


def test_an_export_that_is_cancelled_leaves_no_file(site: Site) -> None:
    task = site.export()
    with site.worker() as worker:
        site.wait(task, begun)
        with site.database.work() as work:
            tasks.cancel(work, task.id, "ann", files=FileStore(site.settings.files_url))
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    assert site.find(task).state == "cancelled"
    assert [path.name for path in (site.settings.data_dir / "files").iterdir()] == []


def test_a_worker_closes_the_reservations_that_have_expired(site: Site) -> None:
    line = {"sku": "A", "location": "L", "quantity": 3}
    with Work(site.database.connect, site.database.clock() - timedelta(hours=2)) as work:
        catalogue.create(work, sku="A", name="Axe")
        locations.create(work, code="L", name="Loft")
        movements.record(work, kind="receipt", lines=[line], by="ann")
        held = reservations.hold(work, lines=[line], by="ann")
    query = sa.select(table.c.state, table.c.closed_at, levels.c.reserved).join_from(table, levels, sa.true())
    give_up = time.monotonic() + PATIENCE
    with site.worker(), site.database.connect() as reader:
        while (found := tuple(reader.execute(query).one())) == ("held", None, 3):
            assert time.monotonic() < give_up, f"still {found}"
            time.sleep(0.02)
    assert found == ("expired", held.expires_at, 0)


@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_metrics_and_log_tell_of_a_duty_that_fails(site: Site, pool: str, tmp_path: Path) -> None:
    port = _free_port()
    folder = tmp_path / "temporary"
    folder.mkdir()
    table = "ALTER TABLE {} RENAME TO {}"
    settings = {"STOCKROOM_WORKER_METRICS_PORT": str(port), "TMPDIR": str(folder)}
    with site.worker(pool, **settings) as worker, site.database.connect() as connection:
        connection.execute(sa.text(table.format("additions", "away")))
        until(lambda: failing(port).get("totals") == 1)
        connection.execute(sa.text(table.format("away", "additions")))
        until(lambda: failing(port)["totals"] == 0)
        duties = {"sweep", "expiry", "totals", "index", "retention", "queue", "metrics"}
        duties |= {"broker", "database", "turns"}
        assert failing(port) == dict.fromkeys(duties, 0)
        queue = {sample.name for sample in scrape(port) if sample.name.startswith("stockroom_tasks")}
        assert queue == {"stockroom_tasks", "stockroom_tasks_oldest_waiting_seconds"}
        log = (site.settings.data_dir / "worker.log").read_text()
        assert log.count("activity.failed") == log.count("activity.recovered") == 1
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    assert [path.name for path in folder.glob("stockroom-metrics-*")] == []


def failing(port: int) -> dict[str, float]:
    """Which activities fail, as far as the worker tells of any yet."""
    try:
        samples = scrape(port)
    except httpx.TransportError:
        return {}
    return {s.labels["activity"]: s.value for s in samples if s.name == "stockroom_activity_failing"}


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_a_port_for_metrics_that_is_taken_is_no_worker(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with site.worker(STOCKROOM_WORKER_METRICS_PORT=str(port)) as worker:
            assert worker.wait(PATIENCE) == 1
    log = (site.settings.data_dir / "worker.log").read_text()
    assert f"STOCKROOM_WORKER_METRICS_PORT: cannot listen on 127.0.0.1, port {port}: " in log


def test_a_worker_removes_what_a_killed_process_has_left_of_a_file(site: Site) -> None:
    leftover = site.settings.data_dir / f"{PREFIX}0-9-0"
    leftover.write_bytes(b"sku,name\n")
    give_up = time.monotonic() + PATIENCE
    with site.worker():
        while leftover.exists():
            assert time.monotonic() < give_up
            time.sleep(0.02)


def test_importing_the_celery_app_does_nothing(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STOCKROOM_DATABASE_URL": "no database"}
    script = "import tasks.celery; tasks.celery.app.configured and exit(1)"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path, env=environment)
    assert list(tmp_path.iterdir()) == []
