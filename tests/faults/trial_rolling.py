"""Two services behind nginx are restarted in turn while clients go on: `make faults`."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.faults.services import Restartable, restartable
from tests.proxying import Proxy, StartProxy
from tests.service import KEY

ROUNDS = 10
RATE = 200
"""Requests a second; one in four writes."""
# Seconds; far more than an answer takes.
PATIENCE = 60


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    return _postgresql_url


@pytest.fixture
def services(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[list[Restartable]]:
    settings = {
        "database_url": database_url,
        "jwt_key": KEY,
        "redis_url": redis_url,
        "rate_limits": "report",
        "trusted_proxies": 1,
    }
    with ExitStack() as stack:
        yield [stack.enter_context(restartable(tmp_path / name, settings)) for name in ("one", "two")]


def test_rolling_restarts_fail_no_request(
    services: list[Restartable],
    start_proxy: StartProxy,
    sign_in: Callable[..., dict[str, str]],
    tell: Callable[[str], None],
) -> None:
    proxy, headers = start_proxy(*(service.url for service in services)), sign_in()

    async def scenario() -> Counter[str]:
        async with client_of(proxy, headers) as client:
            restarting = asyncio.create_task(restart_in_turn(services))
            answers = await load(client, until=restarting)
            await restarting
            return answers

    answers = asyncio.run(scenario())
    tell(f"{2 * ROUNDS} restarts, {answers.total():,} requests: {dict(answers)}")
    assert answers.keys() == {"200", "201"}


async def restart_in_turn(services: list[Restartable]) -> None:
    for _ in range(ROUNDS):
        for service in services:
            await asyncio.to_thread(service.restart)


async def load(client: httpx.AsyncClient, until: asyncio.Task[None]) -> Counter[str]:
    """Ask at an even rate until a task is done; get how often each status or error came."""
    loop, answers = asyncio.get_running_loop(), Counter[str]()
    start = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in itertools.count():
            if until.done():
                return answers
            await asyncio.sleep(max(0.0, start + number / RATE - loop.time()))
            group.create_task(ask(client, number, answers))
    return answers


async def ask(client: httpx.AsyncClient, number: int, answers: Counter[str]) -> None:
    try:
        if number % 4:
            answer = await client.get("/items?per_page=5")
        else:
            answer = await client.post("/items", json={"sku": f"S{number}", "name": "Spade"})
        answers[str(answer.status_code)] += 1
    except httpx.HTTPError as error:
        answers[repr(error)] += 1


def client_of(proxy: Proxy, headers: dict[str, str]) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    return httpx.AsyncClient(
        base_url=proxy.url, headers=headers, verify=proxy.tls, limits=limits, timeout=PATIENCE
    )
