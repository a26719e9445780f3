"""Redis and RabbitMQ go away and freeze while requests and imports go on: `make faults`."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.load import SUCCESSES, Load, assert_nothing_lost, audit, name_of, signed_in, stock_up
from tests.faults.servers import Stoppable, rabbitmq
from tests.faults.services import Worker, restartable
from tests.service import KEY

AWAY_SECONDS = 20
CLIENTS = 4
BOUND = 0.5
"""Seconds of the 99th percentile of requests, and of each import's 202."""
DONE = 60
"""Seconds until all imports have ended once it is back."""


@pytest.fixture(params=["redis", "rabbitmq"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stoppable]:
    if request.param == "redis":
        start = request.getfixturevalue("start_redis")
    else:
        start = partial(rabbitmq, tmp_path / "rabbitmq")
    with closing(Stoppable(start)) as server:
        yield server


@pytest.fixture
def settings(server: Stoppable, _postgresql_url: str) -> dict[str, Any]:
    shared = {"redis_url": server.url} if server.url.startswith("redis") else {}
    return {"database_url": _postgresql_url, "jwt_key": KEY, "broker_url": server.url} | shared


@pytest.mark.parametrize("how", ["down", "frozen"])
def test_requests_go_on_and_imports_are_done_later(
    how: str, server: Stoppable, settings: dict[str, Any], tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with ExitStack() as stack:
        unlimited = settings | {"rate_limits": "report"}
        service = stack.enter_context(restartable(tmp_path / "service", unlimited))
        stock_up(service.service)
        stack.enter_context(Worker(service.service, "worker"))
        limited = stack.enter_context(restartable(tmp_path / "limited", settings))
        with Load(service.url, clients=CLIENTS) as load:
            load.await_more(100)
            with getattr(server, how)():
                begun = time.monotonic()
                imports = Imports(stack.enter_context(httpx.Client(base_url=service.url, timeout=60)))
                while time.monotonic() < begun + AWAY_SECONDS:
                    imports.begin()
                    time.sleep(0.5)
                ended = time.monotonic()
                assert_limited(limited.url)
            back = time.monotonic()
            imports.await_all(back + DONE)
            done = time.monotonic() - back
        assert load.kinds().keys() <= SUCCESSES, load.kinds()
        slow = load.percentile(0.99, begun, ended)
        assert_nothing_lost(service.service, load)
        told = audit(service.service)
    away = f"{server.url.partition(':')[0]} {how} for {AWAY_SECONDS} s"
    asked = f"{dict(load.kinds(begun))}, 99 of 100 within {slow * 1000:.0f} ms"
    taken = f"{len(imports.seconds)} imports taken in {max(imports.seconds) * 1000:.0f} ms at most"
    tell(f"{away}: {asked}; {taken}, all done {done:.1f} s after it was back; {told}")
    assert max(slow, *imports.seconds) < BOUND


class Imports:
    """Small imports, each of another account."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._tasks: list[tuple[str, str]] = []
        self.seconds: list[float] = []

    def begin(self) -> None:
        number = len(self._tasks)
        name, row = name_of(number % 64), f"sku,name\nN{number},New {number}\n"
        begun = time.monotonic()
        headers = signed_in(name) | {"Content-Type": "text/csv"}
        answer = self._client.post("/imports?kind=items", content=row, headers=headers)
        self.seconds.append(time.monotonic() - begun)
        assert answer.status_code == 202, answer.text
        self._tasks.append((name, answer.headers["Location"]))

    def await_all(self, until: float) -> None:
        for name, task in self._tasks:
            while (found := self._find(name, task))["state"] != "succeeded":
                assert time.monotonic() < until, found
                time.sleep(0.05)

    def _find(self, name: str, task: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(task, headers=signed_in(name)).json()
        return found


def assert_limited(url: str) -> None:
    """Five guesses a minute, and not one more."""
    guesses = ({"username": f"guess-{number}", "password": "wrong"} for number in range(6))
    answers = [httpx.post(f"{url}/login", json=guess, timeout=60).status_code for guess in guesses]
    assert answers == [401] * 5 + [429]
