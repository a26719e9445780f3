"""Idempotency keys on POST /imports: what is the same request, and for how long it is."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import ASGIApp

from stockroom.db.database import Database
from tests.contract.asgi import Answer
from tests.contract.conftest import new_token

FILE = b"sku,name\nA1,Axe\n"
Send = Callable[..., Any]
Headers = dict[str, str]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(f"_{request.param}_url")
    return url


@pytest.fixture
def ada(sign_in: Any) -> Headers:
    headers: Headers = sign_in("admin", "ada")
    return headers


@pytest.fixture
def key() -> str:
    return f'"{uuid.uuid4()}"'


def send(client: Any, caller: Headers, key: str, content: bytes = FILE, query: str = "kind=items") -> Any:
    headers = caller | {"Content-Type": "text/csv", "Idempotency-Key": key}
    return client.post(f"/imports?{query}", headers=headers, content=content)


def tasks(client: Any, caller: Headers) -> int:
    total: int = client.get("/tasks", headers=caller).json()["total"]
    return total


@pytest.mark.parametrize(
    ("content", "query"),
    [
        pytest.param(b"sku,name\nA2,Adze\n", "kind=items", id="another body"),
        pytest.param(FILE, "kind=items&dry_run=true", id="another parameter"),
    ],
)
def test_another_request_with_the_same_key_is_refused(
    content: bytes, query: str, client: Any, ada: Headers, key: str
) -> None:
    send(client, ada, key)
    answer = send(client, ada, key, content, query)
    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/idempotency-mismatch"
    assert tasks(client, ada) == 1


def test_the_same_parameters_spelt_otherwise_are_the_same_request(
    client: Any, ada: Headers, key: str
) -> None:
    first = send(client, ada, key, query="kind=items&dry_run=false")
    assert send(client, ada, key, query="dry_run=false&kind=%69tems").content == first.content
    assert send(client, ada, key).content == first.content


def test_a_refused_request_does_not_use_up_its_key(client: Any, ada: Headers, key: str) -> None:
    assert send(client, ada, key, b"colour\nred\n").status_code == 400
    assert send(client, ada, key, b"").status_code == 400
    assert send(client, ada, key).status_code == 202


def test_a_key_is_kept_when_the_service_starts_anew(serve: Any, ada: Headers, key: str) -> None:
    before = serve()
    first = send(before, ada, key)
    before.__exit__()
    after = serve()
    assert send(after, ada, key).content == first.content
    assert tasks(after, ada) == 1
    before.__enter__()


@pytest.mark.parametrize(
    ("later", "same"),
    [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24, minutes=1), False)],
    ids=["within a day", "after a day"],
)
def test_a_key_is_kept_for_a_day(
    later: timedelta, same: bool, database: Database, serve: Any, ada: Headers, key: str
) -> None:
    first = send(serve(database), ada, key).json()
    later_on = replace(database, clock=lambda: database.clock() + later)
    caller = {"Authorization": f"Bearer {new_token('ada', now=later_on.clock())}"}
    assert (send(serve(later_on), caller, key).json()["id"] == first["id"]) == same


@pytest.mark.parametrize("key", ["", '""', '"a', 'a"b', '"a" "b"', "é", '"' + "a" * 201 + '"', "a" * 201])
def test_an_odd_key_is_refused(key: str, client: Any, ada: Headers) -> None:
    answer = send(client, ada, key.encode())
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


@pytest.mark.parametrize("processes", [1, 2])
def test_of_many_at_once_one_is_done(
    processes: int, serve: Any, ask_seen: Any, ada: Headers, key: str
) -> None:
    clients = [serve() for _ in range(processes)]
    headers = [*ada.items(), ("Content-Type", "text/csv"), ("Idempotency-Key", key)]

    async def six_at_once(app: ASGIApp) -> list[Answer | None]:
        sent = (ask_seen(app, "POST", "/imports?kind=items", headers, [FILE]) for _ in range(6))
        return await asyncio.gather(*sent)

    # Each service in the event loop that it lives in.
    running = [client.portal.start_task_soon(six_at_once, client.app) for client in clients]
    answers = [answer for service in running for answer in service.result() if answer]
    assert {answer.status for answer in answers} <= {202, 409}
    assert all(answer.problem == "idempotency-in-flight" for answer in answers if answer.status == 409)
    assert len({answer.body for answer in answers if answer.status == 202}) == 1
    assert tasks(clients[0], ada) == 1
    assert send(clients[-1], ada, key).status_code == 202
