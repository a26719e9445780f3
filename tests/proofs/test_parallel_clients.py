"""Many clients at once against a running service: nothing is oversold, lost or done twice."""

import http.client
import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from stockroom.db.database import Database
from stockroom.db.tables import levels, movement_lines, movements
from tests.service import KEY
from tests.witness import Witness

Answer = tuple[int, Any]
MANY = 5 if os.environ.get("STOCKROOM_TEST_AMOUNTS") == "full" else 1
"""`make faults` takes the full amounts, which take minutes."""
IDLE_SECONDS = 30
"""A connection that has been idle for longer is opened anew."""


class Client:
    """A connection of its own, kept open, as each of many clients has."""

    def __init__(self, address: str, headers: dict[str, str], witness: Witness) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self._headers = {"Content-Type": "application/json", **headers}
        self._witness = witness
        self._used_at = time.monotonic()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        headers = self._headers | headers
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            # The server may be closing it at this moment. What is sent then gets no answer.
            self._connection.close()
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        self._used_at = time.monotonic()
        self._witness.see(method, path, headers, content or b"", answer.status, dict(answer.headers), text)
        return answer.status, json.loads(text) if text else None

    def close(self) -> None:
        self._connection.close()


class Crowd:
    """A running service and many clients of it."""

    def __init__(self, url: str, headers: dict[str, str], database: Database, witness: Witness) -> None:
        self._address = urlsplit(url).netloc
        self._headers = headers
        self._database = database
        self._witness = witness
        self.one = self.client()

    def client(self) -> Client:
        return Client(self._address, self._headers, self._witness)

    def all_do(self, clients: int, jobs: Sequence[Callable[[Client], Answer]]) -> list[Answer]:
        """Have so many clients do the jobs between them, all at once."""
        with ThreadPoolExecutor(clients) as pool:
            shares = [jobs[number::clients] for number in range(clients)]
            done = pool.map(self._do, shares)
            return [answer for answers in done for answer in answers]

    def _do(self, jobs: Sequence[Callable[[Client], Answer]]) -> list[Answer]:
        with closing(self.client()) as client:
            return [job(client) for job in jobs]

    def stock(self, sku: str, **quantities: int) -> None:
        """Make an item and put so much of it into each location, made as needed."""
        self.one.send("POST", "/items", {"sku": sku, "name": sku})
        for code, quantity in quantities.items():
            self.one.send("POST", "/locations", {"code": code, "name": code})
            lines = [{"sku": sku, "location": code, "quantity": quantity}]
            assert self.one.send("POST", "/movements", {"kind": "receipt", "lines": lines})[0] == 201

    def balance(self, sku: str) -> int:
        status, page = self.one.send("GET", f"/items/{sku}/levels")
        assert status == 200
        on_hand: int = page["totals"]["on_hand"]
        return on_hand

    def check_books(self) -> None:
        """Every level is what its lines add up to, and nothing is below zero."""
        total = sa.func.sum(movement_lines.c.delta)
        ledger = sa.select(movement_lines.c.item_id, movement_lines.c.location_id, total).group_by(
            movement_lines.c.item_id, movement_lines.c.location_id
        )
        with self._database.connect() as reader:
            sums = {(item, location): int(delta) for item, location, delta in reader.execute(ledger)}
            held = {(row.item_id, row.location_id): row for row in reader.execute(sa.select(levels))}
        assert {place: row.on_hand for place, row in held.items() if row.on_hand} == {
            place: delta for place, delta in sums.items() if delta
        }
        assert all(0 <= row.reserved <= row.on_hand for row in held.values())

    def count_movements(self, kind: str) -> int:
        query = sa.select(sa.func.count()).select_from(movements).where(movements.c.kind == kind)
        with self._database.connect() as reader:
            found: int = reader.scalar(query)
        return found


@pytest.fixture
def crowd(
    database_url: str,
    database: Database,
    sign_in: Callable[..., dict[str, str]],
    start_service: Callable[..., Any],
    witness: Witness,
) -> Iterator[Crowd]:
    service = start_service(database_url=database_url, jwt_key=KEY, rate_limits="report")
    crowd = Crowd(service.url, sign_in("admin"), database, witness)
    with closing(crowd.one):
        yield crowd
    assert service.log().count("Traceback") == 0


def issue(sku: str, location: str, quantity: int = 1) -> dict[str, Any]:
    return {"kind": "issue", "lines": [{"sku": sku, "location": location, "quantity": quantity}]}


def test_what_is_there_is_issued_and_no_more(crowd: Crowd) -> None:
    for run in range(2 * MANY):
        sku = f"RUN-{run}"
        crowd.stock(sku, A=500)
        answers = crowd.all_do(
            64, [lambda client, sku=sku: client.send("POST", "/movements", issue(sku, "A"))] * 1000
        )
        assert Counter(status for status, _ in answers) == {201: 500, 409: 500}
        assert crowd.balance(sku) == 0
    crowd.check_books()


def test_a_key_is_one_movement_however_often_it_is_sent(crowd: Crowd) -> None:
    crowd.stock("KEYED", A=1000)
    keys = [f'"key-{number}"' for number in range(40 * MANY)]

    def keyed(client: Client, key: str, quantity: int = 1) -> Answer:
        return client.send("POST", "/movements", issue("KEYED", "A", quantity), **{"Idempotency-Key": key})

    # Dealt out so that all fifty clients send the same key at the same time.
    answers = crowd.all_do(50, [partial(keyed, key=key) for key in keys for _ in range(50)])
    assert {status for status, _ in answers} <= {201, 409}
    assert {body["type"] for status, body in answers if status == 409} <= {"/problems/idempotency-in-flight"}
    assert len({body["id"] for status, body in answers if status == 201}) == len(keys)
    assert crowd.count_movements("issue") == len(keys)
    assert crowd.balance("KEYED") == 1000 - len(keys)
    for key in keys[:5]:
        other = keyed(crowd.one, key, quantity=2)
        assert (other[0], other[1]["type"]) == (422, "/problems/idempotency-mismatch")
    crowd.check_books()


def test_transfers_in_opposite_directions_lose_nothing(crowd: Crowd) -> None:
    skus = [f"ITEM-{number}" for number in range(12)]
    for sku in skus:
        crowd.stock(sku, A=80 * MANY, B=80 * MANY)
    chance = random.Random(20261122)  # noqa: S311 - the same choices in every run

    def transfer(client: Client) -> Answer:
        way = chance.choice([("A", "B"), ("B", "A")])
        lines = [
            {"sku": sku, "from": way[0], "to": way[1], "quantity": chance.randint(1, 3)}
            for sku in chance.sample(skus, chance.randint(2, 10))
        ]
        return client.send("POST", "/movements", {"kind": "transfer", "lines": lines})

    answers = crowd.all_do(32, [transfer] * 1000 * MANY)
    refused = [body["type"] for status, body in answers if status != 201]
    assert {status for status, _ in answers} <= {201, 409}
    assert set(refused) <= {"/problems/insufficient-stock"}
    assert crowd.count_movements("transfer") == len(answers) - len(refused)
    assert [crowd.balance(sku) for sku in skus] == [160 * MANY] * len(skus)
    crowd.check_books()


def test_of_two_writers_of_one_version_one_succeeds(crowd: Crowd) -> None:
    crowd.one.send("POST", "/items", {"sku": "RACED", "name": "0"})
    for version in range(1, 40 * MANY + 1):
        answers = crowd.all_do(
            2,
            [
                lambda client, name=name, version=version: client.send(
                    "PATCH", "/items/RACED", {"name": name}, **{"If-Match": f'"v{version}"'}
                )
                for name in (f"one {version}", f"two {version}")
            ],
        )
        assert sorted(status for status, _ in answers) == [200, 412]


def test_sixteen_writers_all_get_through(crowd: Crowd) -> None:
    crowd.stock("SHARED", A=1)
    receipt = {"kind": "receipt", "lines": [{"sku": "SHARED", "location": "A", "quantity": 1}]}
    answers = crowd.all_do(16, [lambda client: client.send("POST", "/movements", receipt)] * 800)
    assert {status for status, _ in answers} == {201}
    assert crowd.balance("SHARED") == 801
    crowd.check_books()
