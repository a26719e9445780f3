"""Nobody waits for all that another has sent, and nobody for passwords who has none checked."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app import create_app
from stockroom.accounts.passwords import Passwords
from stockroom.db.database import Database
from stockroom.db.unit_of_work import Work
from stockroom.settings import Settings
from tests.living import living

Configure = Callable[..., Settings]
SignIn = Callable[..., dict[str, str]]
PATIENCE = 60


def run(settings: Settings, scenario: Callable[[httpx.AsyncClient], Awaitable[None]]) -> None:
    async def served() -> None:
        async with living(create_app(settings)) as client, asyncio.timeout(PATIENCE):
            await scenario(client)

    asyncio.run(served())


def test_who_checks_passwords_keeps_nobody_else_waiting(
    configure: Configure, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, go_on = sign_in(), threading.Event()

    def verify(self: Passwords, password: str, stored: str | None) -> bool:
        # As slow as it gets when very many log in.
        go_on.wait(PATIENCE)
        return False

    monkeypatch.setattr(Passwords, "verify", verify)

    async def scenario(client: httpx.AsyncClient) -> None:
        try:
            logins = [asyncio.create_task(login(client, number)) for number in range(100)]
            # Those that find no room are refused meanwhile.
            refused, _ = await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
            for answer in [login.result() for login in refused]:
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            assert (await client.get("/items", headers=admin)).status_code == 200
            assert not all(login.done() for login in logins)
        finally:
            go_on.set()
        statuses = [answer.status_code for answer in await asyncio.gather(*logins)]
        assert set(statuses) == {401, 503}

    def login(client: httpx.AsyncClient, number: int) -> Any:
        address = {"X-Forwarded-For": f"198.51.100.{number}"}
        return client.post(
            "/login", headers=address, json={"username": f"user{number}", "password": "x" * 15}
        )

    run(configure(trusted_proxies=1), scenario)


def test_one_user_does_not_fill_the_room(configure: Configure, sign_in: SignIn, database: Database) -> None:
    busy, other = sign_in("admin", "ann"), sign_in("viewer", "bob")

    async def scenario(client: httpx.AsyncClient) -> None:
        # Whoever writes waits for this transaction.
        work = database.work()
        await asyncio.to_thread(hold, work)
        try:
            waiting = [asyncio.create_task(register_item(client, number)) for number in range(40)]
            assert (await client.get("/items", headers=other)).json()["total"] == 0
            assert not any(task.done() for task in waiting)
        finally:
            await asyncio.to_thread(work.rollback)
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {201}

    def register_item(client: httpx.AsyncClient, number: int) -> Any:
        return client.post("/items", headers=busy, json={"sku": f"A{number}", "name": "Axe"})

    run(configure(rate_limits="report"), scenario)


def hold(work: Work) -> None:
    """Keep others from writing: on SQLite any transaction does."""
    if work.connection.dialect.name == "postgresql":
        work.connection.execute(sa.text("LOCK TABLE items IN EXCLUSIVE MODE"))
