"""Every caller is answered as itself, whatever the server shares among requests."""

import asyncio
from typing import Any

from stockroom.db.database import Database
from stockroom.db.tables import users
from tests.contract.conftest import new_token

CALLERS = [f"user-{number}" for number in range(40)]


def test_parallel_callers_get_their_own_account(database: Database, serve: Any, ask_seen: Any) -> None:
    with database.work() as work:
        account = {"password_hash": "-", "role": "clerk", "disabled": False, "created_at": work.now}
        rows = [account | {"username": name, "email": f"{name}@example.com"} for name in CALLERS]
        work.connection.execute(users.insert(), rows)
    client = serve(database)
    tokens = {name: new_token(name, "clerk") for name in CALLERS}
    shared: dict[str, Any] = {}

    async def wrong() -> list[str]:
        names = CALLERS * 10
        headers = ([("Authorization", f"Bearer {tokens[name]}")] for name in names)
        answers = await asyncio.gather(
            *(ask_seen(client.app, "GET", "/me", h, extensions=shared) for h in headers)
        )
        return [n for n, answer in zip(names, answers, strict=True) if not _is_of(n, answer)]

    assert client.portal.call(wrong) == []
    assert shared == {}


def _is_of(name: str, answer: Any) -> bool:
    return bool(answer.status == 200 and answer.json()["username"] == name)
