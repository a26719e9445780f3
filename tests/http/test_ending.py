"""Requests that are still under way when the process ends, and has waited for as long as it may."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from app import create_app
from stockroom.accounts.passwords import Passwords
from stockroom.settings import Settings
from tests.living import living

PATIENCE = 60


def test_they_are_told_to_come_again(
    configure: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def verify(self: Passwords, password: str, stored: str | None) -> bool:
        begun.set()
        go_on.wait(PATIENCE)
        return False

    monkeypatch.setattr(Passwords, "verify", verify)

    async def scenario() -> None:
        async with living(create_app(configure())) as client, asyncio.timeout(PATIENCE):
            body = {"username": "ada", "password": "x" * 15}
            request = asyncio.create_task(client.post("/login", json=body))
            await asyncio.to_thread(begun.wait, PATIENCE)
            # As uvicorn does with what has not ended in time.
            request.cancel()
            answer = await request
            go_on.set()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.json()["type"] == "/problems/unavailable"

    asyncio.run(scenario())
