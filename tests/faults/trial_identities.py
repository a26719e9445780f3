"""Many callers at once, each with a token of its own, over two processes: `make faults`."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.faults.load import NAMES, audit, name_of, signed_in, stock_up
from tests.faults.services import restartable
from tests.service import KEY

ANSWERS = 100_000


def test_nobody_is_taken_for_another(tmp_path: Path, tell: Callable[[str], None]) -> None:
    settings = {"jwt_key": KEY, "rate_limits": "report", "web_workers": 2, "drift_sample": 0.01}
    with restartable(tmp_path / "service", settings) as service:
        stock_up(service.service)
        names = [name_of(number) for number in range(NAMES)]
        answered = asyncio.run(ask_all(service.url, names))
        told = audit(service.service)
    wrong = sum(asked != found for asked, found in answered)
    tell(f"{len(answered):,} answers to {NAMES} callers over 2 processes, {wrong} to another; {told}")
    assert len(answered) >= ANSWERS
    assert not wrong


async def ask_all(url: str, names: list[str]) -> list[tuple[str, str]]:
    """Who asked, and who was answered, of each request."""

    async def ask(name: str) -> list[tuple[str, str]]:
        # A client each: connections are spread over the processes.
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            return [(name, (await ask_one(client, name))) for _ in range(-(-ANSWERS // len(names)))]

    return [pair for pairs in await asyncio.gather(*(ask(name) for name in names)) for pair in pairs]


async def ask_one(client: httpx.AsyncClient, name: str) -> str:
    answer = await client.get("/me", headers=signed_in(name))
    return str(answer.json()["username"])
