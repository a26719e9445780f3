"""Two services on one data folder: database, key, uploads and the broker's folder are shared.

It takes as long as four processes take to start and to end.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.processes import PATIENCE, Service

PASSWORD = "seven grey herons wade at dawn"


def test_a_second_service_harms_nothing_of_the_first(
    start_service: Callable[..., Service], tmp_path: Path
) -> None:
    first = start_service(worker=True, data_dir=tmp_path / "shared")
    first.create_admin("ada", PASSWORD)
    login = httpx.post(f"{first.url}/login", json={"username": "ada", "password": PASSWORD}, timeout=PATIENCE)
    headers = {"Authorization": f"Bearer {login.json()['access_token']}"}
    arriving, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"sku,name\n"
        arriving.set()
        assert go_on.wait(PATIENCE)
        yield b"".join(b"A%d,Axe\n" % number for number in range(3000))

    with httpx.Client(headers=headers, timeout=PATIENCE) as client, ThreadPoolExecutor() as threads:
        sent = {"Content-Type": "text/csv"}
        upload = threads.submit(
            client.post, f"{first.url}/imports?kind=items", headers=sent, content=slowly()
        )
        try:
            assert arriving.wait(PATIENCE)
            # It clears what uploads have left when it starts, and its worker does.
            second = start_service(worker=True, data_dir=tmp_path / "shared")
        finally:
            go_on.set()
        tasks = [upload.result()]
        tasks.append(
            client.post(f"{second.url}/imports?kind=items", headers=sent, content=b"sku,name\nB1,Bow\n")
        )
        for number in range(20):
            # Each takes the other's tokens, and finds what the other has written.
            one, other = (first, second) if number % 2 else (second, first)
            item = {"sku": f"C{number}", "name": "Clog"}
            assert client.post(f"{one.url}/items", json=item).status_code == 201
            assert client.get(f"{other.url}/items/C{number}").status_code == 200
        for task in tasks:
            assert task.status_code == 202, task.text
            await_success(client, f"{second.url}{task.headers['Location']}")
    command = [sys.executable, "-c", "from stockroom.cli import main; main()", "audit"]
    audit = subprocess.run(command, env=first.environment, capture_output=True, text=True, check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def await_success(client: httpx.Client, task: str) -> None:
    until = time.monotonic() + PATIENCE
    while (found := client.get(task).json())["state"] in {"queued", "running"}:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    assert found["state"] == "succeeded"
