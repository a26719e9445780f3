"""Many callers at once against the service as it is run: each gets an answer that is its own."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from stockroom.accounts.model import ROLE_SCOPES
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.db.database import open_database
from stockroom.db.tables import users
from tests.witness import Witness

KEY = "a key for tests that is long enough"
CALLERS, ROUNDS = 50, 20


def test_parallel_callers_are_never_taken_for_one_another(
    start_service: Callable[..., Any], witness: Witness
) -> None:
    service = start_service(jwt_key=KEY, rate_limits="report")
    names = [f"caller-{number}" for number in range(CALLERS)]
    add_accounts(service, names)
    answered = asyncio.run(ask_all(service.url, names, witness))
    assert len(answered) == CALLERS * ROUNDS
    assert all(asked == found for asked, found in answered)


def add_accounts(service: Any, names: list[str]) -> None:
    database = open_database(service.database_url, connections=1)
    with database.work() as work:
        account = {"email": "caller@example.com", "password_hash": "-", "role": "viewer", "disabled": False}
        rows = [account | {"username": name, "created_at": work.now} for name in names]
        work.connection.execute(users.insert(), rows)
    database.dispose()


async def ask_all(url: str, names: list[str], witness: Witness) -> list[tuple[str, str]]:
    tokens, now = Tokens(KEY.encode(), Revocations()), datetime.now(UTC)

    async def ask(client: httpx.AsyncClient, name: str) -> list[tuple[str, str]]:
        token = tokens.issue(name, f"session-of-{name}", ROLE_SCOPES["viewer"], now)
        headers = {"Authorization": f"Bearer {token}"}
        answers = [await client.get("/me", headers=headers) for _ in range(ROUNDS)]
        return [(name, answer.json()["username"]) for answer in answers]

    hooks = {"response": [witness.see_response_later]}
    async with httpx.AsyncClient(base_url=url, timeout=60, event_hooks=hooks) as client:
        return [
            pair for pairs in await asyncio.gather(*(ask(client, name) for name in names)) for pair in pairs
        ]
