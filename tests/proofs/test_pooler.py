"""Behind PgBouncer in transaction mode: one connection serves the transactions of several clients in turn."""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.requiring import missing
from tests.service import KEY

SignIn = Callable[..., dict[str, str]]

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
CONFIGURATION = """
[databases]
{name} = host={host} port={port} dbname={name} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
server_idle_timeout = 5
"""


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    return _postgresql_url


@pytest.fixture
def pooled_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """URL of the test's database by way of a pooler with four connections."""
    if PROGRAM is None:
        missing("PgBouncer is not installed")
    url = sa.make_url(database_url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = probe.getsockname()[1]
    text = CONFIGURATION.format(
        name=url.database, host=url.host, port=url.port or 5432, user=url.username, listen=listen
    )
    configuration = tmp_path / "pgbouncer.ini"
    configuration.write_text(text)
    tmp_path.chmod(0o755)
    command = [PROGRAM, "--quiet", str(configuration)]
    # It refuses to run as root.
    user = ("--user", "nobody") if os.geteuid() == 0 else ()
    with (tmp_path / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([*command, *user], stdout=log, stderr=subprocess.STDOUT)
    try:
        _await_listener(listen, tmp_path / "pgbouncer.log")
        yield url.set(host="127.0.0.1", port=listen).render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.wait(10)


def _await_listener(port: int, log: Path) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"PgBouncer does not listen:\n{log.read_text()}")


def test_clients_that_share_connections_get_what_is_theirs(
    start_service: Callable[..., Any], pooled_url: str, sign_in: SignIn
) -> None:
    headers = sign_in()
    service = start_service(
        database_url=pooled_url, database_pooled=True, jwt_key=KEY, rate_limits="report", web_workers=2
    )
    wrong: list[tuple[str, int]] = []
    counted = threading.Lock()

    def work(number: int) -> None:
        with httpx.Client(base_url=service.url, headers=headers, timeout=30) as client:
            skus = [f"P{number}-{turn}" for turn in range(15)]
            found = [client.post("/items", json={"sku": sku, "name": sku}).status_code for sku in skus]
            found += [client.get(f"/items/{sku}").status_code for sku in skus for _ in range(4)]
            found.append(client.get("/items", params={"q": f"P{number}-", "sort": "name"}).json()["total"])
            movement = {"kind": "receipt", "lines": [{"sku": skus[0], "location": "L", "quantity": 1}]}
            found += [client.post("/movements", json=movement).status_code for _ in range(5)]
        expected = [201] * 15 + [200] * 60 + [15] + [201] * 5
        with counted:
            wrong.extend(
                (str(number), status)
                for status, right in zip(found, expected, strict=True)
                if status != right
            )

    with httpx.Client(base_url=service.url, headers=headers) as client:
        assert client.post("/locations", json={"code": "L", "name": "Loft"}).status_code == 201
    with ThreadPoolExecutor(12) as clients:
        list(clients.map(work, range(12)))
    assert wrong == []
