"""Clients that go on whatever happens, and what must hold after that."""

import itertools
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
import orjson
import sqlalchemy as sa

from stockroom.accounts.model import ROLE_SCOPES
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.db.database import open_database
from stockroom.db.tables import users
from tests.desk import Shelves
from tests.onlooker import onlooker
from tests.processes import Service
from tests.service import KEY

# Seconds; a request that takes longer has hung.
PATIENCE = 60
CLIENTS = 8
NAMES = 64
SKUS = [f"S{number}" for number in range(20)]
LINES = 2
"""Of each movement."""

SUCCESSES = {"200", "201"}
BROKEN_OFF = {"ConnectError", "ReadError", "RemoteProtocolError", "WriteError"}
"""What clients see of a server whose process is killed."""

KEEPER = "keeper"
Headers = dict[str, str]


def signed_in(name: str = KEEPER) -> Headers:
    """The header of a token that is good for the next five minutes."""
    return _signed_in(name, int(time.time()) // 300)


@lru_cache(maxsize=1000)
def _signed_in(name: str, period: int) -> Headers:
    tokens, then = Tokens(KEY.encode(), Revocations()), datetime.fromtimestamp(300 * period, UTC)
    token = tokens.issue(name, f"session-of-{name}", ROLE_SCOPES["admin"], then)
    return {"Authorization": f"Bearer {token}"}


def _signed(name: str) -> Callable[[httpx.Request], httpx.Request]:
    def sign(request: httpx.Request) -> httpx.Request:
        request.headers.update(signed_in(name))
        return request

    return sign


def name_of(number: int) -> str:
    return f"client-{number}"


def stock_up(service: Service) -> None:
    """Have the items and the location that are moved, and those who move them."""
    database = open_database(service.database_url, connections=1)
    shelves = Shelves(database)
    account = {"email": "client@example.com", "password_hash": "-", "role": "admin", "disabled": False}
    with database.work() as work:
        rows = [account | {"username": name_of(number), "created_at": work.now} for number in range(NAMES)]
        work.connection.execute(users.insert(), rows)
    shelves.items(*SKUS)
    shelves.locations("A")
    database.dispose()


class Answer(NamedTuple):
    """What became of a request: a status or the name of an error, and when it was begun and answered."""

    kind: str
    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        return self.ended - self.begun


class Load:
    """Clients that read and record movements. What was not accepted is sent again, with its key."""

    def __init__(
        self,
        *urls: str,
        clients: int = CLIENTS,
        first: int = 0,
        movements: int = sys.maxsize,
        reads: bool = True,
        names: bool = False,
    ) -> None:
        """With `names` each client has an account of its own. The number of the `first` tells loads apart."""
        self.answers: list[Answer] = []
        self.accepted: dict[str, bytes] = {}
        self.sent: set[str] = set()
        self._numbers = iter(range(first, movements))
        self._reads = reads
        self._ending = threading.Event()
        turns = enumerate(itertools.islice(itertools.cycle(urls), clients))
        self._threads = [
            threading.Thread(target=self._go_on, args=(url, name_of(number) if names else KEEPER))
            for number, url in turns
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.finish()

    def finish(self) -> None:
        """Wait until all movements are accepted."""
        for thread in self._threads:
            thread.join()

    def await_more(self, movements: int) -> None:
        """Wait until so many are accepted beside those that are."""
        wanted, until = len(self.accepted) + movements, time.monotonic() + 2 * PATIENCE
        while len(self.accepted) < wanted:
            assert time.monotonic() < until, self.kinds()
            time.sleep(0.01)

    def kinds(self, since: float = 0) -> Counter[str]:
        """How often each kind of answer came to requests that were begun later."""
        return Counter(answer.kind for answer in self.answers if answer.begun >= since)

    def recovery(self, since: float) -> float:
        """Seconds from `since` to the last request that did not succeed, once many have."""
        self.await_more(200)
        failed = (a.begun for a in self.answers if a.begun >= since and a.kind not in SUCCESSES)
        return max(failed, default=since) - since

    @property
    def slowest(self) -> float:
        return max(answer.seconds for answer in self.answers)

    def percentile(self, part: float, since: float, until: float) -> float:
        """How many seconds so many took of the requests that were begun then."""
        times = sorted(answer.seconds for answer in self.answers if since <= answer.begun < until)
        return times[int(part * len(times))]

    def _go_on(self, url: str, name: str) -> None:
        with httpx.Client(base_url=url, timeout=PATIENCE) as client:
            client.auth = _signed(name)
            for number in self._numbers:
                while not (self._ending.is_set() or self._move(client, f"m-{number}")):
                    # As soon as it may be again, and not at once.
                    time.sleep(0.05)
                if self._reads:
                    self._ask(client, "GET", f"/items/{SKUS[number % len(SKUS)]}")
                if self._ending.is_set():
                    return

    def _move(self, client: httpx.Client, key: str) -> bool:
        self.sent.add(key)
        answer = self._ask(client, "POST", "/movements", json=movement(key), headers={"Idempotency-Key": key})
        if answer is None or answer.status_code != 201:
            return False
        self.accepted[key] = answer.content
        return True

    def _ask(self, client: httpx.Client, method: str, path: str, **given: Any) -> httpx.Response | None:
        begun = time.monotonic()
        try:
            answer = client.request(method, path, **given)
            kind = str(answer.status_code)
            if answer.status_code == 503 and "Retry-After" not in answer.headers:
                kind = "503 without Retry-After"
        except httpx.TransportError as error:
            answer, kind = None, type(error).__name__
        self.answers.append(Answer(kind, begun, time.monotonic()))
        return answer


def movement(key: str) -> dict[str, Any]:
    first = int(key.partition("-")[2])
    skus = [SKUS[(first + number) % len(SKUS)] for number in range(LINES)]
    lines = [{"sku": sku, "location": "A", "quantity": 1} for sku in skus]
    return {"kind": "receipt", "reference": key, "lines": lines}


def assert_nothing_lost(service: Service, *loads: Load) -> None:
    """Each accepted movement is there once, whole, under its id; others only if they were sent."""
    text = (
        "SELECT reference, min(m.id), count(DISTINCT m.id), count(*), sum(delta) FROM movements m"
        " JOIN movement_lines l ON l.movement_id = m.id WHERE reference LIKE 'm-%' GROUP BY reference"
    )
    with onlooker(service.database_url).connect() as connection:
        rows = {row[0]: tuple(row[1:]) for row in connection.execute(sa.text(text))}
    for load in loads:
        for key, body in load.accepted.items():
            assert rows[key] == (orjson.loads(body)["id"], 1, LINES, LINES), key
    assert rows.keys() <= set().union(*(load.sent for load in loads))
    assert {row[1:] for row in rows.values()} == {(1, LINES, LINES)}


def assert_replayed(url: str, load: Load) -> None:
    """Each accepted movement, sent again with its key, gets the same answer, byte for byte."""
    with httpx.Client(base_url=url, timeout=PATIENCE) as client:
        for key, body in load.accepted.items():
            headers = signed_in() | {"Idempotency-Key": key}
            answer = client.post("/movements", json=movement(key), headers=headers)
            assert (answer.status_code, answer.content) == (201, body), key


def audit(service: Service) -> str:
    """Run the audit as an operator does; its last line if everything holds."""
    command = [str(Path(sys.executable).with_name("stockroom")), "audit"]
    told = subprocess.run(
        command, cwd=service.folder, env=service.environment, capture_output=True, check=False
    )
    assert told.returncode == 0, told.stdout.decode() + told.stderr.decode()
    return told.stdout.decode().splitlines()[-1]


def readiness(url: str) -> int:
    return httpx.get(f"{url}/health/ready", timeout=PATIENCE).status_code


def await_readiness(url: str, status: int) -> float:
    """How many seconds it takes until readiness is told with this status."""
    begun = time.monotonic()
    while readiness(url) != status:
        assert time.monotonic() - begun < PATIENCE
        time.sleep(0.05)
    return time.monotonic() - begun
