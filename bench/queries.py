"""The queries whose time must not grow with what is stored, timed one at a time through the API."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from urllib.parse import quote

from bench.client import Client
from bench.generate import FEW, ROLES, Sizes, sku

REPEATS = 50
GROWTH = 2.0
"""So many times as long as with the fewest items a query may take with the most."""
CEILING = 0.05
"""Seconds that any query may take."""

_CURSORS = 10


@dataclass(frozen=True)
class Store:
    """A server with so much in it. Its ledger goes back a year from `until`."""

    client: Client
    sizes: Sizes
    until: datetime
    chance: random.Random

    def back(self, movements: float) -> str:
        """The time since which about so many movements were recorded."""
        time = self.until - timedelta(days=365) * (movements / self.sizes.movements)
        return quote(time.isoformat(timespec="milliseconds"))

    def any_sku(self) -> str:
        return sku(self.chance.randint(1, self.sizes.items))


@dataclass(frozen=True)
class Query:
    """`paths` makes some to ask in turn. `grows` excuses what may take longer the more there is."""

    title: str
    paths: Callable[[Store], list[str]]
    grows: bool = False


@dataclass(frozen=True)
class Timing:
    """How long a query took with so much in store, in seconds."""

    items: int
    movements: int
    query: str
    median: float
    p95: float


def _same(path: str) -> Callable[[Store], list[str]]:
    return lambda store: [path]


def _deep(store: Store) -> list[str]:
    pages = store.sizes.items // 20
    asked = [store.chance.randint(pages // 2, pages - 2) for _ in range(_CURSORS)]
    return [store.client.get(f"/items?page={page}&per_page=20")["next"] for page in asked]


def _deep_ledger(store: Store) -> list[str]:
    pages = min(store.sizes.movements // 20, 1_000_000)
    asked = [store.chance.randint(pages // 2, pages - 2) for _ in range(_CURSORS)]
    return [store.client.get(f"/movements?page={page}&per_page=20")["next"] for page in asked]


def _levels(store: Store) -> list[str]:
    return [f"/items/{store.any_sku()}/levels" for _ in range(REPEATS)]


def _ledger_of_item(store: Store) -> list[str]:
    return [f"/movements?sku={store.any_sku()}" for _ in range(REPEATS)]


def _ledger_window(movements: int) -> Callable[[Store], list[str]]:
    def paths(store: Store) -> list[str]:
        places = [store.chance.uniform(movements, store.sizes.movements * 0.9) for _ in range(_CURSORS)]
        return [
            f"/movements?since={store.back(place)}&until={store.back(place - movements)}" for place in places
        ]

    return paths


def _ledger_until(filters: str, newer: float) -> Callable[[Store], list[str]]:
    """What was recorded before the newest part of the ledger."""
    return lambda store: [f"/movements?{filters}&until={store.back(store.sizes.movements * newer)}"]


def _ledger_day(store: Store) -> list[str]:
    return _ledger_window(store.sizes.movements // 365)(store)


QUERIES = (
    Query("First page of items", _same("/items?per_page=20")),
    Query("A page deep in the items, by cursor", _deep),
    Query("Page 1,000 of items, by number", _same("/items?page=1000&per_page=10"), grows=True),
    Query(f"Items by tag, {FEW} of them", _same("/items?tag=few")),
    Query("Items by tag, 1 % of all", _same("/items?tag=percent")),
    Query(f"`q` search, {FEW} hits", _same("/items?q=fewfold")),
    Query("`q` search, 1 % of all", _same("/items?q=clearance")),
    Query("`q` search, no hit", _same("/items?q=wardrobe")),
    Query("`q` search, 10 % of all, last in their order", _same("/items?q=outlet")),
    Query("`q` search, 14 % of all, by a tag of 1 %", _same("/items?q=lamp&tag=percent")),
    Query("Levels of an item", _levels),
    Query("First page of levels", _same("/levels")),
    Query("Levels of a location", _same("/levels?location=LOC-007")),
    Query("Levels of what is low, 10 % of all", _same("/levels?low=true")),
    Query("First page of the ledger", _same("/movements")),
    Query("A page deep in the ledger, by cursor", _deep_ledger),
    Query("Ledger of an item", _ledger_of_item),
    Query("Ledger by time, 20 movements", _ledger_window(20)),
    Query("Ledger by time, a day of the year", _ledger_day),
    # The first two fifths of the ledger are receipts.
    Query("Ledger of a kind, what is long ago", _ledger_until("kind=issue", 0.59)),
    Query("Ledger of a location, what is long ago", _ledger_until("location=LOC-007", 0.59)),
    Query("Summary, cached", _same("/summary")),
)
COUNTED = "Summary, counted anew"


def time_all(store: Store) -> Iterator[Timing]:
    """Time each query; the summary first, while nobody has asked for it."""
    yield _timing(store, COUNTED, _uncached(store))
    for query in QUERIES:
        store.client.log_in()
        paths = query.paths(store)
        # The first few warm the caches, as the traffic of a day does.
        taken = [store.client.seconds(paths[number % len(paths)]) for number in range(REPEATS + 5)]
        yield _timing(store, query.title, taken[5:])


def _uncached(store: Store) -> list[float]:
    """One for each role: what is cached is kept for each of them."""
    taken = []
    username = store.client.username
    for role in ROLES:
        store.client.username = role
        store.client.log_in()
        store.client.get("/items?per_page=1")
        taken.append(store.client.seconds("/summary"))
    store.client.username = username
    store.client.log_in()
    return taken


def _timing(store: Store, title: str, taken: list[float]) -> Timing:
    p95 = quantiles(taken, n=20, method="inclusive")[-1]
    return Timing(store.sizes.items, store.sizes.movements, title, median(taken), p95)


def now() -> datetime:
    return datetime.now(UTC)


def faults(timings: list[Timing]) -> list[str]:
    """Which queries grow or take too long, in lines."""
    excused = {query.title for query in QUERIES if query.grows}
    lines = []
    for title in dict.fromkeys(timing.query for timing in timings):
        by_size = sorted((t for t in timings if t.query == title), key=lambda timing: timing.items)
        fewest, most = by_size[0].median, by_size[-1].median
        if title not in excused and most > GROWTH * fewest:
            lines.append(f"{title}: grows {most / fewest:.1f} times, and not at most {GROWTH:.0f}")
        lines += [
            f"{title}: {timing.median * 1000:.0f} ms with {timing.items:,} items"
            for timing in by_size
            if timing.median > CEILING
        ]
    return lines
