"""The works: what is asked of every server, in the same words."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from bench.databases import ITEMS
from bench.generate import PASSWORD, place, sku
from bench.load import Request

USERNAME = "manager"

# Requests in a list that is sent round and round.
_KINDS = 500
# More than any server manages: a list of items to create must not be used up.
_CREATIONS_PER_SECOND = 10_000
_numbers = count()


@dataclass(frozen=True)
class Asker:
    """What a list of requests is made for: a server, and how long they have to last."""

    client: httpx.Client
    chance: random.Random
    seconds: float
    items: int = ITEMS

    def item(self) -> int:
        return self.chance.randint(1, self.items)


@dataclass(frozen=True)
class Work:
    """`status` is that of every answer; `writes` that the database has to be reset afterwards.

    `heading` is the title where there is little room, above a column.
    """

    name: str
    title: str
    heading: str
    requests: Callable[[Asker], list[Request]]
    status: int = 200
    connections: int = 16
    writes: bool = False
    anonymous: bool = False


def _read_item(asker: Asker) -> list[Request]:
    return [Request("GET", f"/items/{sku(asker.item())}") for _ in range(_KINDS)]


def _list_items(asker: Asker) -> list[Request]:
    return [Request("GET", "/items?page=3&per_page=20")]


def _create_item(asker: Asker) -> list[Request]:
    # Each item is new, also to the lists before this one.
    return [
        Request("POST", "/items", new_item(f"NEW-{next(_numbers):08d}"))
        for _ in range(int(_CREATIONS_PER_SECOND * asker.seconds))
    ]


def new_item(code: str) -> dict[str, Any]:
    return {
        "sku": code,
        "name": "Storm lantern, brass",
        "description": "Burns for twenty hours on one filling",
        "unit": "piece",
        "reorder_point": 5,
        "tags": ["light", "outdoor"],
    }


def _conditional_read(asker: Asker) -> list[Request]:
    paths = [f"/items/{sku(asker.item())}" for _ in range(50)]
    return [Request("GET", path, etag=asker.client.get(path).headers["ETag"]) for path in paths]


def _summary(asker: Asker) -> list[Request]:
    return [Request("GET", "/summary")]


def _movement(lines: int) -> Callable[[Asker], list[Request]]:
    def requests(asker: Asker) -> list[Request]:
        return [
            Request("POST", "/movements", issue(asker.chance.sample(range(1, ITEMS + 1), lines)))
            for _ in range(_KINDS)
        ]

    return requests


def issue(items: list[int], quantity: int = 1) -> dict[str, Any]:
    """An issue of some items, by their numbers, each from its first location."""
    places = [place(number) for number in items]
    lines = [{"sku": code, "location": location, "quantity": quantity} for code, location in places]
    return {"kind": "issue", "reference": "order-81", "lines": lines}


def _login(asker: Asker) -> list[Request]:
    return [Request("POST", "/login", {"username": USERNAME, "password": PASSWORD})]


WORKS = {
    work.name: work
    for work in (
        Work("read", "Read one item", "One item", _read_item),
        Work("list", "Page 3 of 20 items with total", "Page", _list_items),
        Work("create", "Create an item", "New item", _create_item, status=201, writes=True),
        Work("unchanged", "Conditional read, 304", "304", _conditional_read, status=304),
        Work("summary", "The cached summary", "Summary", _summary),
        Work("movement-1", "Movement of 1 line", "1 line", _movement(1), status=201, writes=True),
        Work("movement-100", "Movement of 100 lines", "100 lines", _movement(100), status=201, writes=True),
        # Hashing a password takes a core for a while; more clients would only wait for each other.
        Work("login", "Log in", "Login", _login, connections=4, anonymous=True),
    )
}


def log_in(client: httpx.Client, username: str = USERNAME) -> str:
    """Log in, have `client` send the token from now on, and return it."""
    answer = client.post("/login", json={"username": username, "password": PASSWORD})
    answer.raise_for_status()
    token: str = answer.json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"
    return token
