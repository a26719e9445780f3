"""A backup of a service that works hard, restored elsewhere: a service that goes on from one moment."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.backup.conftest import COMMAND
from tests.processes import PATIENCE

Service = Any
NewPostgresql = Callable[..., AbstractContextManager[str]]
Options = dict[str, Any]

PASSWORD = "seven grey herons wade at dawn"
WRITERS = 3


@pytest.fixture
def new_database(kind: str, new_postgresql: NewPostgresql) -> Iterator[Callable[[], Options]]:
    """Make the settings of a database that is empty."""
    with ExitStack() as stack:
        yield lambda: {} if kind == "sqlite" else {"database_url": stack.enter_context(new_postgresql())}


class Visitor:
    """Somebody who writes without pause, and remembers what was acknowledged."""

    def __init__(self, service: Service) -> None:
        self.client = httpx.Client(base_url=service.url, timeout=PATIENCE)
        self.acknowledged: list[tuple[str, int]] = []

    def log_in(self) -> None:
        answer = self.client.post("/login", json={"username": "boss", "password": PASSWORD})
        self.client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def receive(self, key: str) -> int:
        lines = [{"sku": "LAMP", "location": "A", "quantity": 1}]
        headers = {"Idempotency-Key": f'"{key}"'}
        answer = self.client.post("/movements", json={"kind": "receipt", "lines": lines}, headers=headers)
        number: int = answer.raise_for_status().json()["id"]
        return number

    def upload(self, name: str) -> None:
        rows = "".join(f"{name}-{number},{name}\n" for number in range(20))
        headers = {"Content-Type": "text/csv"}
        content = f"sku,name\n{rows}"
        self.client.post("/imports?kind=items", content=content, headers=headers).raise_for_status()

    def write(self, name: str, over: threading.Event) -> None:
        for number in range(100_000):
            if over.is_set():
                return
            key = f"{name}-{number}"
            self.acknowledged.append((key, self.receive(key)))
            if number % 10 == 0:
                self.upload(key)


@pytest.fixture
def visit() -> Iterator[Callable[[Service], Visitor]]:
    with ExitStack() as stack:

        def visit(service: Service) -> Visitor:
            visitor = Visitor(service)
            stack.enter_context(visitor.client)
            return visitor

        yield visit


def test_a_service_goes_on_from_its_backup(
    start_service: Callable[..., Service],
    new_database: Callable[[], Options],
    visit: Callable[[Service], Visitor],
    tmp_path: Path,
):
    origin = start_service(worker=True, rate_limits="report", **new_database())
    origin.create_admin("boss", PASSWORD)
    visitors = [visit(origin) for _ in range(WRITERS)]
    for visitor in visitors:
        visitor.log_in()
    visitors[0].client.post("/items", json={"sku": "LAMP", "name": "Lamp"}).raise_for_status()
    visitors[0].client.post("/locations", json={"code": "A", "name": "Room A"}).raise_for_status()
    with writing(visitors):
        for visitor in visitors:
            wait_until(lambda seen=visitor.acknowledged: len(seen) >= 15)
        before = [entry for visitor in visitors for entry in visitor.acknowledged]
        backed_up = run(origin.environment, "backup", tmp_path / "backup")
        after = sum(len(visitor.acknowledged) for visitor in visitors) + WRITERS
    assert backed_up.returncode == 0, backed_up.stderr
    # The service runs: nothing is restored below it.
    refused = run(origin.environment, "restore", tmp_path / "backup")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: A service answers at ")

    settings = new_database()
    there = origin.environment | {"STOCKROOM_DATA_DIR": str(tmp_path / "there"), "STOCKROOM_PORT": "1"}
    there |= {f"STOCKROOM_{name.upper()}": value for name, value in settings.items()}
    restored = run(there, "restore", tmp_path / "backup")
    assert restored.returncode == 0, restored.stderr
    audited = run(there, "audit")
    assert audited.returncode == 0, audited.stdout

    again = start_service(worker=True, rate_limits="report", data_dir=tmp_path / "there", **settings)
    visitor = visit(again)
    # The key of access tokens is the same, so that those of before are good; and so are passwords.
    visitor.client.headers = visitors[0].client.headers
    visitor.client.get("/me").raise_for_status()
    visitor.log_in()
    movements = visitor.client.get("/movements?count=exact&per_page=1").raise_for_status().json()["total"]
    assert len(before) <= movements <= after
    assert visitor.client.get("/items/LAMP/levels").json()["totals"]["on_hand"] == movements
    key, number = before[-1]
    assert visitor.receive(key) == number
    visitor.upload("AFTERWARDS")
    wait_until(lambda: unfinished(visitor) == 0)
    audited = run(again.environment, "audit")
    assert audited.returncode == 0, audited.stdout


class writing:  # noqa: N801 - it is used like a function
    """Have visitors write meanwhile; what goes wrong with one of them is raised in the end."""

    def __init__(self, visitors: list[Visitor]) -> None:
        self._over = threading.Event()
        self._faults: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._attempt, args=(visitor, f"W{number}"))
            for number, visitor in enumerate(visitors)
        ]

    def _attempt(self, visitor: Visitor, name: str) -> None:
        try:
            visitor.write(name, self._over)
        except BaseException as error:
            self._faults.append(error)
            raise

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        assert self._faults == []


def wait_until(is_so: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        if is_so():
            return
        waiting.wait(0.05)
    pytest.fail("it takes too long")


def unfinished(visitor: Visitor) -> int:
    totals = [
        visitor.client.get(f"/tasks?state={state}").raise_for_status().json()["total"]
        for state in ("queued", "running")
    ]
    return sum(totals)


def run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*COMMAND, *map(str, arguments)),
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
