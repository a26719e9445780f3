"""A service that is told to end lets a slow request and a slow upload end first: `make faults`."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.faults.services import restartable
from tests.onlooker import onlooker
from tests.processes import PATIENCE
from tests.service import KEY

SECONDS = 10


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    return _postgresql_url


def test_what_takes_ten_seconds_ends(
    tmp_path: Any, database_url: str, sign_in: Callable[..., dict[str, str]], tell: Callable[[str], None]
) -> None:
    settings = {"database_url": database_url, "jwt_key": KEY, "lock_seconds": 30}
    headers = sign_in()
    arriving = threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"sku,name\n"
        arriving.set()
        for number in range(SECONDS):
            time.sleep(1)
            yield b"A%d,Axe\n" % number

    with (
        restartable(tmp_path / "service", settings) as service,
        httpx.Client(base_url=service.url, headers=headers, timeout=PATIENCE) as client,
        ThreadPoolExecutor() as threads,
        onlooker(database_url).connect() as other,
    ):
        other.execute(sa.text("BEGIN"))
        other.execute(sa.text("LOCK TABLE items IN ACCESS EXCLUSIVE MODE"))
        item = threads.submit(client.post, "/items", json={"sku": "B1", "name": "Bow"})
        sent = {"Content-Type": "text/csv"}
        upload = threads.submit(client.post, "/imports?kind=items", headers=sent, content=slowly())
        assert arriving.wait(PATIENCE)
        begun = time.monotonic()
        service.api.send_signal(signal.SIGTERM)
        time.sleep(SECONDS)
        other.execute(sa.text("COMMIT"))
        assert item.result().status_code == 201
        assert upload.result().status_code == 202
        assert service.api.wait(PATIENCE) == 0
    ended = time.monotonic() - begun
    tell(f"a write and an upload of {SECONDS} s ended; the process {ended:.1f} s after SIGTERM")
