"""Exports of a running service, its worker and its clients all at once: each file is whole and adds up."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest

from stockroom.db.database import Database
from tests.service import KEY
from tests.witness import Witness

SKUS = [f"ITEM-{number:02d}" for number in range(40)]
EACH = 100
TRANSFERS = 600
# Far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 120.0


@pytest.fixture
def client(
    database_url: str,
    database: Database,
    sign_in: Callable[..., dict[str, str]],
    start_service: Callable[..., Any],
    witness: Witness,
) -> Iterator[httpx.Client]:
    """A client of a service with a worker, in which each item is at two locations."""
    service = start_service(worker=True, database_url=database_url, jwt_key=KEY, rate_limits="report")
    headers = sign_in("admin")
    hooks = {"response": [lambda response: response.read() and witness.see_response(response)]}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60, event_hooks=hooks) as client:
        for code in ("A", "B"):
            client.post("/locations", json={"code": code, "name": code}).raise_for_status()
        for sku in SKUS:
            client.post("/items", json={"sku": sku, "name": sku}).raise_for_status()
        lines = [{"sku": sku, "location": code, "quantity": EACH} for sku in SKUS for code in ("A", "B")]
        client.post("/movements", json={"kind": "receipt", "lines": lines}).raise_for_status()
        yield client
    assert service.log().count("Traceback") == 0


def export(client: httpx.Client, kind: str) -> list[dict[str, Any]]:
    """The records of a new export, once it is done."""
    accepted = client.post("/exports", json={"kind": kind, "format": "jsonl"}).raise_for_status()
    path = accepted.headers["Location"]
    give_up = time.monotonic() + PATIENCE
    while (task := client.get(path).json())["state"] in ("queued", "running"):
        assert time.monotonic() < give_up, f"still {task}"
        time.sleep(0.05)
    assert task["state"] == "succeeded", task
    file = client.get(f"{path}/result").raise_for_status()
    assert int(file.headers["Content-Length"]) == len(file.content)
    found = [json.loads(line) for line in file.content.splitlines()]
    assert len(found) == task["progress"]["total"]
    return found


def transfer(client: httpx.Client, number: int) -> int:
    chance = random.Random(number)  # noqa: S311 - the same choices in every run
    way = chance.choice([("A", "B"), ("B", "A")])
    lines = [
        {"sku": sku, "from": way[0], "to": way[1], "quantity": chance.randint(1, 5)}
        for sku in chance.sample(SKUS, 10)
    ]
    return client.post("/movements", json={"kind": "transfer", "lines": lines}).status_code


def test_files_add_up_while_stock_moves(client: httpx.Client) -> None:
    with ExitStack() as stack:
        clients = [stack.enter_context(closing(_like(client))) for _ in range(4)]
        pool = stack.enter_context(ThreadPoolExecutor(len(clients)))
        moving = [
            pool.submit(transfer, clients[number % len(clients)], number) for number in range(TRANSFERS)
        ]
        rounds = 0
        while not all(future.done() for future in moving) or rounds < 2:
            _assert_levels_add_up(export(client, "levels"))
            _assert_movements_add_up(export(client, "movements"))
            rounds += 1
        statuses = Counter(future.result() for future in moving)
    assert statuses.keys() <= {201, 409}
    # At rest the ledger is the levels, to the unit.
    movements = export(client, "movements")
    assert len(movements) == 1 + statuses[201]
    balances: Counter[tuple[str, str]] = Counter()
    for line in (line for movement in movements for line in movement["lines"]):
        balances[line["sku"], line["location"]] += line["delta"]
    levels = {(level["sku"], level["location"]): level["on_hand"] for level in export(client, "levels")}
    assert levels == dict(balances)


def _like(client: httpx.Client) -> httpx.Client:
    return httpx.Client(base_url=client.base_url, headers=client.headers, timeout=60)


def _assert_levels_add_up(levels: list[dict[str, Any]]) -> None:
    """At one moment, that is: a transfer takes from one level what it gives to the other."""
    sums: Counter[str] = Counter()
    for level in levels:
        sums[level["sku"]] += level["on_hand"]
    assert sums == dict.fromkeys(SKUS, 2 * EACH)


def _assert_movements_add_up(movements: list[dict[str, Any]]) -> None:
    ids = [movement["id"] for movement in movements]
    assert ids == sorted(set(ids))
    for movement in movements[1:]:
        assert len(movement["lines"]) == 20
        assert sum(line["delta"] for line in movement["lines"]) == 0
