"""Clients that are slow, stop half way and break off, and a soak; then all is as it was: `make faults`."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
import sqlalchemy as sa

from stockroom.uploads import PREFIX
from tests.faults.load import SUCCESSES, Load, assert_nothing_lost, audit, signed_in, stock_up
from tests.faults.services import Restartable, Worker, restartable
from tests.onlooker import onlooker
from tests.service import KEY
from tests.trees import usage

READERS, HALF_SENT, ABORTED = 50, 500, 1_000
CLIENT_SECONDS = 5
SOAK = int(os.environ.get("STOCKROOM_TEST_SOAK", "5")) * 60
"""Seconds; the variable has minutes."""
ITEMS = 50_000
MEBIBYTES = 30
"""That the processes may have grown by: memory is given back in its own time."""
SETTLED = 90
"""Seconds in which all is as it was."""
CONNECTIONS = 24
"""To the database, that a process may keep."""
THREADS = 28
"""That its pools may have: 16 of handlers, 4 of passwords, 6 of asyncio; and 2 of gunicorn and the loop."""
LOOPBACK = "0100007F"
"""127.0.0.1, from where the load comes, as Linux writes it."""
RESET = struct.pack("ii", 1, 0)


class Site:
    """A service with a large file to download."""

    def __init__(self, service: Restartable, file: str) -> None:
        self.service, self.file = service, file
        parts = urlsplit(service.url)
        self._address = (parts.hostname, parts.port)

    def connect(self, number: int) -> socket.socket:
        """From several addresses, for one has half of the connections at most."""
        source = (f"127.0.0.{2 + number % 4}", 0)
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.bind(source)
        connection.connect(self._address)
        return connection

    def head(self, method: str, path: str, **headers: object) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", "Host: x"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in (signed_in() | headers).items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def used(self) -> "Used":
        with onlooker(self.service.service.database_url).connect() as connection:
            connections = connection.scalar(
                sa.text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        return Used(*usage(self.service.processes), connections)

    def served(self) -> int:
        """How many connections from those addresses the service still holds (Linux, proc(5))."""
        lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
        here, established = f":{self._address[1]:04X}", "01"
        return sum(
            line[1].endswith(here) and line[3] == established and not line[2].startswith(LOOPBACK)
            for line in lines
        )

    def uploads(self) -> list[Path]:
        folder = Path(self.service.service.environment["STOCKROOM_DATA_DIR"])
        return list(folder.glob(f"{PREFIX}*"))


class Used(NamedTuple):
    threads: int
    descriptors: int
    mebibytes: float
    connections: int

    def is_as(self, before: "Used") -> bool:
        return (
            self.threads <= THREADS
            and self.descriptors - self.connections <= before.descriptors - before.connections
            and self.connections <= CONNECTIONS
            and self.mebibytes <= before.mebibytes + MEBIBYTES
        )

    def __str__(self) -> str:
        return (
            f"{self.threads} threads, {self.descriptors} descriptors, {self.connections} connections to the"
            f" database, {self.mebibytes:.0f} MiB"
        )


@pytest.fixture
def site(tmp_path: Path, _postgresql_url: str) -> Iterator[Site]:
    settings = {"database_url": _postgresql_url, "jwt_key": KEY, "rate_limits": "report"}
    with restartable(tmp_path / "service", settings | {"client_seconds": CLIENT_SECONDS}) as service:
        stock_up(service.service)
        with Worker(service.service, "worker"), httpx.Client(base_url=service.url, timeout=60) as client:
            rows = "".join(f"D{number},Download {number},{'long ' * 60}\n" for number in range(ITEMS))
            sent = {"Content-Type": "text/csv"}
            done(
                client,
                client.post(
                    "/imports?kind=items", content=f"sku,name,description\n{rows}", headers=signed_in() | sent
                ),
            )
            asked = {"kind": "items", "format": "csv"}
            task = done(client, client.post("/exports", json=asked, headers=signed_in()))
        yield Site(service, f"{task}/result")


def done(client: httpx.Client, answer: httpx.Response) -> str:
    task = answer.headers["Location"]
    until = time.monotonic() + 300
    while client.get(task, headers=signed_in()).json()["state"] != "succeeded":
        assert time.monotonic() < until
        time.sleep(0.2)
    return str(task)


@contextmanager
def opened(site: Site, count: int, said: bytes) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        connections = [stack.enter_context(site.connect(number)) for number in range(count)]
        for connection in connections:
            connection.sendall(said)
        yield connections


def slow_readers(site: Site, share: float) -> None:
    """They take ten bytes a second, and are let go."""
    with opened(site, int(READERS * share), site.head("GET", site.file)) as readers:
        until = time.monotonic() + SETTLED
        # What the kernel has for them comes even after that.
        while site.served():
            assert time.monotonic() < until, "they are still served"
            time.sleep(1)
            for reader in readers:
                with suppress(ConnectionError):
                    reader.recv(10)


def half_sent(site: Site, share: float) -> None:
    with opened(site, int(HALF_SENT * share), b"GET /items HTTP/1.1\r\nHost:") as connections:
        for connection in connections:
            while connection.recv(4096):
                pass


def aborted_downloads(site: Site, share: float) -> None:
    for number in range(int(ABORTED * share)):
        with site.connect(number) as connection:
            connection.sendall(site.head("GET", site.file))
            assert connection.recv(12) == b"HTTP/1.1 200"
            end(connection, number)


def aborted_uploads(site: Site, share: float) -> None:
    head = site.head("POST", "/imports?kind=items", Content_Type="text/csv", Content_Length=10**6)
    for number in range(int(ABORTED * share)):
        with site.connect(number) as connection:
            connection.sendall(head + b"sku,name\n" + b"A,Axe\n" * 2_000)
            end(connection, number)


def end(connection: socket.socket, number: int) -> None:
    """In order, or by a reset as a lost machine does."""
    if number % 2:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)


FAULTS = (slow_readers, half_sent, aborted_downloads, aborted_uploads)


def test_nothing_of_it_stays(site: Site, tell: Callable[[str], None]) -> None:
    with Load(site.service.url) as first:
        first.await_more(2_000)
        # Once in small: threads, connections and buffers are made when they are first needed.
        for fault in FAULTS:
            fault(site, 0.1)
    before = site.used()
    with Load(site.service.url, first=10**6) as load:
        for fault in FAULTS:
            fault(site, 1)
    after = settled(site, before)
    tell(f"{READERS} slow readers, {HALF_SENT} half-sent requests, {ABORTED} aborted downloads and uploads")
    report(site, first, load, before, after, tell)


def test_a_soak(site: Site, tell: Callable[[str], None]) -> None:
    with Load(site.service.url) as first:
        first.await_more(2_000)
    before = site.used()
    with Load(site.service.url, first=10**6) as load:
        time.sleep(SOAK)
    after = settled(site, before)
    tell(f"a soak of {SOAK} s")
    report(site, first, load, before, after, tell)


def report(
    site: Site, first: Load, load: Load, before: Used, after: Used, tell: Callable[[str], None]
) -> None:
    assert load.kinds().keys() <= SUCCESSES, load.kinds()
    assert_nothing_lost(site.service.service, first, load)
    tell(f"  before: {before}; after: {after}")
    tell(f"  {dict(load.kinds())}, the slowest {load.slowest:.1f} s; {audit(site.service.service)}")


def settled(site: Site, before: Used) -> Used:
    until = time.monotonic() + SETTLED
    while not (used := site.used()).is_as(before) or site.uploads():
        assert time.monotonic() < until, f"before: {before}; after: {used}; {site.uploads()}"
        time.sleep(0.5)
    return used
