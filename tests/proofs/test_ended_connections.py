"""Connections to PostgreSQL that end at any time cost a refusal at most, never a wait without an end."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest
import sqlalchemy as sa
import uvloop

from app import create_app
from stockroom.settings import Settings
from tests.living import living
from tests.onlooker import onlooker
from tests.relay import Relay, relay

SignIn = Callable[..., dict[str, str]]
Scenario = Callable[[httpx.AsyncClient], Awaitable[None]]

RUN = {"asyncio": asyncio.run, "uvloop": uvloop.run}
# Seconds: far more than any answer takes.
PATIENCE = 20
AT_ONCE = 12


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    return _postgresql_url


@pytest.fixture
def between(database_url: str) -> Iterator[Relay]:
    """What stands between the service and PostgreSQL."""
    url = sa.make_url(database_url)
    with relay(url.host or "127.0.0.1", url.port or 5432) as opened:
        yield opened


@pytest.fixture(params=RUN)
def run(
    request: pytest.FixtureRequest, configure: Callable[..., Settings], database_url: str, between: Relay
) -> Callable[[Scenario], None]:
    """Run a scenario with a client of a service that reaches PostgreSQL through the relay."""
    host, port = between.address
    url = sa.make_url(database_url).set(host=host, port=port).render_as_string(hide_password=False)
    settings = configure(database_url=url, rate_limits="report")

    def run(scenario: Scenario) -> None:
        async def served() -> None:
            async with living(create_app(settings)) as client, asyncio.timeout(3 * PATIENCE):
                await scenario(client)

        RUN[request.param](served())

    return run


@pytest.fixture(params=["reset", "close_in_order", "terminated"])
def end_all(request: pytest.FixtureRequest, between: Relay, database_url: str) -> Callable[[], int]:
    """End all connections of the service; how many there were."""
    if request.param != "terminated":
        return getattr(between, request.param)  # type: ignore[no-any-return]  # either of two methods
    administrator = onlooker(database_url)

    def terminate() -> int:
        # One by one, as an administrator does.
        others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with administrator.connect() as connection:
            ours = connection.scalars(
                sa.text(f"SELECT pid {others} AND application_name = 'stockroom'")
            ).all()
            for pid in ours:
                connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        return len(ours)

    return terminate


async def statuses(requests: list[Awaitable[httpx.Response]]) -> list[int]:
    async with asyncio.timeout(PATIENCE):
        return [answer.status_code for answer in await asyncio.gather(*requests)]


def test_idle_connections_that_end_are_replaced(
    run: Callable[[Scenario], None], sign_in: SignIn, end_all: Callable[[], int]
) -> None:
    admin = sign_in()

    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"sku": "A1", "name": "Axe"}
        assert (await client.post("/items", headers=admin, json=body)).status_code == 201
        for _ in range(2):
            assert set(await statuses(reading(client, AT_ONCE))) == {200}
            assert await asyncio.to_thread(end_all) > 1
            # Each may meet one connection that has ended, and says so; none waits for what never comes.
            for _ in range(2 * AT_ONCE):
                assert (await statuses(reading(client, 1)))[0] in (200, 503)
            assert set(await statuses(reading(client, AT_ONCE))) == {200}

    def reading(client: httpx.AsyncClient, count: int) -> list[Awaitable[httpx.Response]]:
        return [client.get("/items/A1", headers=admin) for _ in range(count)]

    run(scenario)


def test_busy_connections_that_end_are_answered_and_replaced(
    run: Callable[[Scenario], None], sign_in: SignIn, end_all: Callable[[], int], database_url: str
) -> None:
    admin = sign_in()
    holder = onlooker(database_url)

    async def scenario(client: httpx.AsyncClient) -> None:
        body = {"sku": "A1", "name": "Axe"}
        assert (await client.post("/items", headers=admin, json=body)).status_code == 201
        with holder.connect() as connection:
            connection.execute(sa.text("BEGIN"))
            connection.execute(sa.text("SELECT 1 FROM items FOR UPDATE"))
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(statuses([patch(client) for _ in range(4)]))
                await until_waiting(holder, 4)
                assert await asyncio.to_thread(end_all) >= 4
            assert set(waiting.result()) == {503}
        assert (await statuses([patch(client)]))[0] in (200, 503)
        assert set(await statuses([client.get("/items/A1", headers=admin) for _ in range(AT_ONCE)])) == {200}

    def patch(client: httpx.AsyncClient) -> Awaitable[httpx.Response]:
        media = {"If-Match": '"v1"', "Content-Type": "application/merge-patch+json"}
        return client.patch("/items/A1", headers=admin | media, content=b'{"unit": "box"}')

    run(scenario)


async def until_waiting(engine: sa.Engine, count: int) -> None:
    """Until so many statements wait for a lock."""
    await asyncio.to_thread(_wait_for_locks, engine, count)


def _wait_for_locks(engine: sa.Engine, count: int) -> None:
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    until = time.monotonic() + PATIENCE
    with engine.connect() as connection:
        while connection.scalar(waiting) < count:
            assert time.monotonic() < until, "they do not wait"
            time.sleep(0.02)
