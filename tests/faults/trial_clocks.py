"""The clock jumps an hour ahead and back while a service runs: `make faults`; needs a C compiler."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.load import Headers, audit, stock_up
from tests.faults.services import Worker, restartable
from tests.processes import Service
from tests.requiring import missing

SOURCE = Path(__file__).with_name("clock.c")
PASSWORD = "seven grey herons wade at dawn"
ROWS = 50_000
LEASE_SECONDS = 3
RESUMED = 60
LINE = {"sku": "S0", "location": "A", "quantity": 5}

SetClock = Callable[[int], None]


@pytest.fixture
def set_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set the clock of all processes that are started from now on, so many seconds from the time it is."""
    if shutil.which("cc") is None:
        missing("cc is not there")
    library = tmp_path / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    clock = tmp_path / "clock"

    def set_clock(seconds: int) -> None:
        # Whole at each moment: it is read at each look at the clock.
        new = clock.with_suffix(".new")
        new.write_text(f"{seconds:+d}")
        new.replace(clock)

    set_clock(0)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("TRIAL_CLOCK", str(clock))
    return set_clock


class Shop:
    """A client with an account, 5 of S0 that are reserved for an hour, and an import."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        account = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
        self.ask("/register", account, {})
        pair = self.ask("/login", {"username": "ada", "password": PASSWORD}, {}).json()
        self._refresh_token = pair["refresh_token"]
        self.headers = {"Authorization": f"Bearer {pair['access_token']}"}

    def ask(self, path: str, body: object, headers: Headers | None = None) -> httpx.Response:
        return self._client.post(path, json=body, headers=self.headers if headers is None else headers)

    def is_signed_in(self) -> bool:
        return self._client.get("/me", headers=self.headers).status_code == 200

    def refresh(self) -> None:
        pair = self.ask("/token/refresh", {"refresh_token": self._refresh_token}, {}).json()
        self.headers = {"Authorization": f"Bearer {pair['access_token']}"}

    def receive(self) -> httpx.Response:
        receipt = {"kind": "receipt", "lines": [LINE]}
        return self.ask("/movements", receipt, self.headers | {"Idempotency-Key": "receipt"})

    def issue(self) -> int:
        return self.ask("/movements", {"kind": "issue", "lines": [LINE]}).status_code

    def begin(self) -> None:
        rows = "".join(f"P{number},Part {number}\n" for number in range(ROWS))
        sent = self.headers | {"Content-Type": "text/csv"}
        answer = self._client.post("/imports?kind=items", content=f"sku,name\n{rows}", headers=sent)
        self._task = answer.headers["Location"]

    def task(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(self._task, headers=self.headers).json()
        return found

    def await_rows(self, rows: int) -> float:
        begun = time.monotonic()
        while self.task()["progress"]["done"] < rows:
            assert time.monotonic() < begun + RESUMED, self.task()
            time.sleep(0.05)
        return time.monotonic() - begun


@pytest.fixture
def service(tmp_path: Path, set_clock: SetClock) -> Iterator[Service]:
    with restartable(tmp_path / "service", {"lease_seconds": LEASE_SECONDS}) as running:
        yield running.service


@pytest.fixture
def shop(service: Service) -> Iterator[Shop]:
    with httpx.Client(base_url=service.url, timeout=60) as client:
        shop = Shop(client)
        stock_up(service)
        yield shop


@pytest.mark.parametrize("hours", [1, -1])
def test_a_jump(
    hours: int, service: Service, shop: Shop, set_clock: SetClock, tell: Callable[[str], None]
) -> None:
    received = shop.receive()
    assert shop.ask("/reservations", {"lines": [LINE]}).status_code == 201
    assert shop.issue() == 409
    shop.begin()
    with Worker(service, "first") as worker:
        shop.await_rows(1)
        worker.kill(*worker.processes)
    done = shop.task()["progress"]["done"]
    set_clock(hours * 3600)
    signed_in = shop.is_signed_in()
    shop.refresh()
    assert shop.is_signed_in()
    with Worker(service, "second"):
        resumed = shop.await_rows(done + 1)
        shop.await_rows(ROWS)
        while shop.task()["state"] == "running":
            time.sleep(0.05)
    assert shop.task()["summary"]["created"] == ROWS
    again = shop.receive()
    assert (again.status_code, again.content) == (201, received.content)
    # A reservation of an hour is over an hour later, and not before.
    assert shop.issue() == (201 if hours > 0 else 409)
    assert signed_in is False or hours < 0
    token = "good" if signed_in else "refused, and renewed"
    tell(
        f"clock set by {hours:+d} h: the access token {token}; the import of a killed worker resumed after"
        f" {resumed:.1f} s (leases of {LEASE_SECONDS} s); {audit(service)}"
    )
