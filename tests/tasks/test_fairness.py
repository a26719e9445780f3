"""One account's work keeps no other's waiting, with real workers on each kind of broker."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import kombu
import pytest

from stockroom.accounts.model import ROLE_SCOPES, Principal
from stockroom.activities.activities import Activities
from stockroom.db.database import Database, open_database
from stockroom.db.files import FileStore
from stockroom.db.tables import users
from stockroom.imports import actions as imports
from stockroom.imports.model import ImportRequest
from stockroom.settings import Settings
from stockroom.work import actions as tasks
from stockroom.work.model import Task
from tasks.configuration import QUEUE
from tasks.publisher import BrokerPublisher
from tests.import_desk import PLENTY, Upload
from tests.requiring import missing
from tests.workers import PATIENCE, worker_process

RABBITMQ = os.environ.get("STOCKROOM_TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1//")

FILES = 30
# So many that each file alone takes longer than a small import of another account could.
ROWS = 150_000


@dataclass
class Shop:
    """Accounts that have files imported by workers of a service."""

    settings: Settings
    database: Database

    def __post_init__(self) -> None:
        self.publisher = BrokerPublisher(self.settings, Activities())
        self.files = FileStore(self.settings.files_url)
        with self.database.work() as work:
            for name in ("ann", "bob"):
                account = {
                    "username": name,
                    "email": "a@example.org",
                    "password_hash": "-",
                    "role": "manager",
                }
                now = {"disabled": False, "created_at": work.now}
                work.connection.execute(users.insert(), account | now)

    def begin(self, owner: str, rows: int) -> Task:
        path = self.settings.data_dir / f"{owner}.csv"
        if not path.exists():
            path.write_text("sku,name\n" + "".join(f"{owner}-{n},Part {n}\n" for n in range(rows)))
        with self.database.work() as work:
            return imports.begin(
                work,
                ImportRequest("items"),
                principal=Principal(owner, ROLE_SCOPES["manager"], "session"),
                upload=Upload(path),
                files=self.files,
                publisher=self.publisher,
                bounds=PLENTY,
            )

    def find(self, task: Task, owner: str) -> Task:
        with self.database.connect() as reader:
            return tasks.find(reader, task.id, owner)

    def cancel(self, task: Task, owner: str) -> None:
        with self.database.work() as work:
            tasks.cancel(work, task.id, owner, files=self.files)


@pytest.fixture(params=["folder", "redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    if request.param == "folder":
        return "filesystem://localhost"
    if request.param == "redis":
        url: str = request.getfixturevalue("redis_url")
        return url
    return _rabbitmq()


def _rabbitmq() -> str:
    try:
        with kombu.Connection(RABBITMQ, connect_timeout=5) as connection:
            connection.ensure_connection(max_retries=1)
    except (OSError, kombu.exceptions.OperationalError):
        missing("RabbitMQ cannot be reached")
    return RABBITMQ


@pytest.fixture
def shop(database_url: str, broker_url: str, tmp_path: Path) -> Iterator[Shop]:
    settings = Settings(_env_file=None, data_dir=tmp_path, database_url=database_url, broker_url=broker_url)
    database = open_database(database_url, connections=2)
    with ExitStack() as stack:
        stack.callback(database.dispose)
        shop = Shop(settings, database)
        if not broker_url.startswith("filesystem:"):
            # A worker that is killed leaves messages, which say nothing to those of other tests.
            broker = stack.enter_context(kombu.Connection(broker_url))
            stack.callback(lambda: broker.default_channel.queue_purge(QUEUE))
        stack.callback(shop.publisher.close)
        yield shop


@pytest.mark.parametrize(("pool", "processes"), [("solo", 1), ("prefork", 2)])
def test_the_files_of_one_account_keep_a_row_of_another_waiting_for_none_of_them(
    shop: Shop, pool: str, processes: int
) -> None:
    anns = [shop.begin("ann", ROWS) for _ in range(FILES)]
    with worker_process(shop.settings, pool, processes):
        at_work = _wait(shop, anns, processes)
        bobs = shop.begin("bob", 1)
        give_up = time.monotonic() + PATIENCE
        while (found := shop.find(bobs, "bob")).pending:
            assert time.monotonic() < give_up, (found, [shop.find(task, "ann") for task in anns])
            time.sleep(0.01)
        assert (found.state, found.progress.done) == ("succeeded", 1)
        # What had begun has not ended meanwhile, and what waited has not begun.
        assert [task.id for task in anns if shop.find(task, "ann").state == "running"] == at_work
        for task in anns:
            shop.cancel(task, "ann")


def _wait(shop: Shop, anns: list[Task], processes: int) -> list[str]:
    """The tasks that are at work once each process has one."""
    give_up = time.monotonic() + PATIENCE
    while True:
        found = [shop.find(task, "ann") for task in anns]
        at_work = [task.id for task in found if task.state == "running" and task.progress.done]
        if len(at_work) == processes:
            return at_work
        assert time.monotonic() < give_up, found
        time.sleep(0.01)
