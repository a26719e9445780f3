"""A request has one connection to the database at a time: whoever holds one waits for no other.

tests/contract/gates sends all examples to a service that has one connection. Here several do so at once.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app import create_app
from stockroom.db.database import Database, open_database
from stockroom.db.tables import users
from stockroom.settings import Settings
from tests.living import living

PASSWORD, ANOTHER = "nine tall ships sailed by", "the harbour was empty by noon"
ROWS = b"sku,name\nB1,Bag\n"
SEVERAL = 8
PATIENCE = 60


@pytest.fixture(params=["postgresql"])
def database_url(_postgresql_url: str) -> str:
    return _postgresql_url


class Person:
    """Somebody who does one thing after the other, each of which must succeed."""

    def __init__(self, client: httpx.AsyncClient, number: int) -> None:
        self.name, self.place = f"person{number}", f"S{number}"
        self._client = client
        self._headers: dict[str, str] = {}

    async def ask(self, status: int, method: str, path: str, json: Any = None, **options: Any) -> Any:
        headers = self._headers | options.pop("headers", {})
        answer = await self._client.request(method, path, json=json, headers=headers, **options)
        assert answer.status_code == status, (self.name, method, path, answer.text)
        return answer.json() if answer.content else None

    async def register(self) -> None:
        account = {"username": self.name, "email": f"{self.name}@example.com", "password": PASSWORD}
        await self.ask(201, "POST", "/register", account)

    async def log_in(self, password: str = PASSWORD) -> None:
        self._headers = {}
        pair = await self.ask(200, "POST", "/login", {"username": self.name, "password": password})
        pair = await self.ask(200, "POST", "/token/refresh", {"refresh_token": pair["refresh_token"]})
        self._headers = {"Authorization": f"Bearer {pair['access_token']}"}

    async def work(self) -> None:
        once = {"Idempotency-Key": f"receipt-{self.place}"}
        line = {"sku": self.place, "location": self.place, "quantity": 5}
        await self.ask(201, "POST", "/items", {"sku": self.place, "name": "Axe"})
        await self.ask(201, "POST", "/locations", {"code": self.place, "name": "Shelf"})
        for _ in range(2):
            await self.ask(201, "POST", "/movements", {"kind": "receipt", "lines": [line]}, headers=once)
        held = await self.ask(201, "POST", "/reservations", {"lines": [line | {"quantity": 1}]})
        await self.ask(201, "POST", f"/reservations/{held['id']}/fulfilment")
        for path in ("/items", "/levels", "/movements", "/reservations", "/tasks", "/me", "/health/ready"):
            await self.ask(200, "GET", path)

    async def send_files(self) -> None:
        headers = {"Content-Type": "text/csv"}
        task = await self.ask(202, "POST", "/imports?kind=items", content=ROWS, headers=headers)
        await self.ask(202, "POST", "/exports", {"kind": "items", "format": "csv"})
        await self.ask(202, "DELETE", f"/tasks/{task['id']}")

    async def change_password(self) -> None:
        passwords = {"current_password": PASSWORD, "new_password": ANOTHER}
        await self.ask(403, "PUT", "/me/password", passwords | {"current_password": ANOTHER})
        await self.ask(204, "PUT", "/me/password", passwords)
        await self.log_in(ANOTHER)
        await self.ask(204, "POST", "/logout")


def test_several_at_once_get_by_with_one_connection(
    configure: Callable[..., Settings], database_url: str, database: Database
) -> None:
    settings = configure(rate_limits="report")
    service = create_app(settings, database=open_database(database_url, connections=1))

    async def scenario() -> None:
        async with living(service) as client, asyncio.timeout(PATIENCE):
            people = [Person(client, number) for number in range(SEVERAL)]
            for do in (Person.register, promote, Person.log_in, Person.work):
                await asyncio.gather(*map(do, people))
            await asyncio.gather(
                *(do(person) for person in people for do in (Person.send_files, Person.change_password))
            )

    async def promote(person: Person) -> None:
        def write() -> None:
            with database.work() as work:
                mine = sa.update(users).where(users.c.username == person.name)
                work.connection.execute(mine.values(role="admin"))

        await asyncio.to_thread(write)

    asyncio.run(scenario())
