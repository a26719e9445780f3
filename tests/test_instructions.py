"""What requests cost, in instructions of Python's virtual machine: the same count each time, on any machine.

A change that makes a request cost more fails here, and so does one that makes it cost much less, so that the
figures stay near. Both are then put right below, and the commit says why. What libraries in C do is not
counted, nor is the server; docs/performance.md has the time that all of it takes.
"""

import asyncio
import io
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import orjson
import pytest
import structlog
import uvloop
from starlette.types import ASGIApp, Message

import app
from stockroom import logs
from stockroom.contract import guard
from stockroom.contract.contract import Contract
from stockroom.settings import Settings
from stockroom.storage.engines import Database
from tests.contract.asgi import Answer, ask

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11),
    reason="each version of Python has its own instructions; these are 3.11's",
)

MORE, LESS = 1.03, 0.90
"""How much of a figure may be counted."""

SQLITE = {
    "liveness": 1_395,
    "an item": 3_788,
    "an item, unchanged": 3_883,
    "page 3 of 20 items": 9_016,
    "a search for a text": 4_814,
    "20 items of a tag": 9_755,
    "the ledger of an item": 8_520,
    "the summary, kept": 2_871,
    "a new item": 8_298,
    "a movement of a line": 11_746,
    "a movement of 100 lines": 47_287,
    "invalid": 3_428,
    "without a token": 1_669,
}
POSTGRESQL = {
    "liveness": 1_395,
    "an item": 4_071,
    "an item, unchanged": 4_166,
    "page 3 of 20 items": 9_285,
    "a search for a text": 5_724,
    "20 items of a tag": 10_017,
    "the ledger of an item": 9_514,
    "the summary, kept": 2_871,
    "a new item": 5_824,
    "a movement of a line": 7_949,
    "a movement of 100 lines": 42_005,
    "invalid": 3_428,
    "without a token": 1_669,
}

Ask = Callable[..., Awaitable[Answer | None]]


class Instructions:
    """Counts the instructions of all threads that were started since."""

    def __init__(self) -> None:
        self.counted = 0
        self._counting = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        threading.settrace(self._trace)
        try:
            yield
        finally:
            threading.settrace(None)  # type: ignore[arg-type]  # as documented

    async def of(self, request: Callable[[], Awaitable[Answer | None]]) -> int:
        before, self._counting = self.counted, True
        sys.settrace(self._trace)
        try:
            await request()
        finally:
            sys.settrace(None)
            self._counting = False
        return self.counted - before

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._counting or "/tests/" in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._trace_frame

    def _trace_frame(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.counted += event == "opcode"
        return self._trace_frame


def item(number: int) -> dict[str, Any]:
    return {"sku": f"A-{number:04d}", "name": f"Axe {number}", "tags": ["steel", "tool"], "reorder_point": 5}


def issue(*numbers: int) -> dict[str, Any]:
    lines = [{"sku": f"A-{number:04d}", "location": "L1", "quantity": 1} for number in numbers]
    return {"kind": "issue", "reference": "order-81", "lines": lines}


async def fill(send: Ask) -> None:
    await send("POST", "/locations", body={"code": "L1", "name": "Shelf"})
    for number in range(100):
        await send("POST", "/items", body=item(number))
    lines = [{"sku": f"A-{number:04d}", "location": "L1", "quantity": 1000} for number in range(100)]
    await send("POST", "/movements", body={"kind": "receipt", "lines": lines})


def requests(send: Ask) -> dict[str, tuple[int, Callable[[int], Awaitable[Answer | None]]]]:
    """Each kind of request by its name: the status of its answer, and the request with this number."""
    return {
        "liveness": (200, lambda n: send("GET", "/health/live")),
        "an item": (200, lambda n: send("GET", f"/items/A-{n:04d}")),
        "an item, unchanged": (304, lambda n: send("GET", f"/items/A-{n:04d}", if_none_match='"v1"')),
        "page 3 of 20 items": (200, lambda n: send("GET", "/items?page=3&per_page=20")),
        "a search for a text": (200, lambda n: send("GET", "/items?q=axe%2042")),
        "20 items of a tag": (200, lambda n: send("GET", "/items?tag=steel&per_page=20")),
        "the ledger of an item": (200, lambda n: send("GET", f"/movements?sku=A-{n:04d}")),
        "the summary, kept": (200, lambda n: send("GET", "/summary")),
        "a new item": (201, lambda n: send("POST", "/items", body=item(1000 + n))),
        "a movement of a line": (201, lambda n: send("POST", "/movements", body=issue(n))),
        "a movement of 100 lines": (201, lambda n: send("POST", "/movements", body=issue(*range(100)))),
        "invalid": (400, lambda n: send("GET", "/items?per_page=1000&colour=red")),
        "without a token": (401, lambda n: send("GET", "/items", token="")),
    }


async def count(service: ASGIApp, token: str, instructions: Instructions) -> dict[str, int]:
    async def send(method: str, target: str, body: Any = None, token: str = token, **headers: str) -> Any:
        fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
        fields += [("Authorization", token)] if token else []
        content = b"" if body is None else orjson.dumps(body)
        if content:
            fields += [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        return await ask(service, method, target, fields, [content])

    async with living(service):
        await fill(send)
        return {name: await fewest(name, *request, instructions) for name, request in requests(send).items()}


async def fewest(
    name: str, status: int, request: Callable[[int], Awaitable[Answer | None]], instructions: Instructions
) -> int:
    """The fewest of some tries, the first of which warm what is kept."""
    counted = []
    for number in range(12):
        answers: list[Answer | None] = []

        async def asked(number: int = number, answers: list[Answer | None] = answers) -> None:
            answers.append(await request(number))

        counted.append(await instructions.of(asked))  # type: ignore[arg-type]  # it answers through the list
        assert answers[0]
        assert answers[0].status == status, (name, answers[0])
    return min(counted[6:])


@asynccontextmanager
async def living(service: ASGIApp) -> AsyncIterator[None]:
    """The service between its start and its end."""
    events: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    events.put_nowait({"type": "lifespan.startup"})
    life = asyncio.create_task(service({"type": "lifespan", "asgi": {}}, events.get, told.put))  # type: ignore[arg-type]
    assert (await told.get())["type"] == "lifespan.startup.complete"
    yield
    events.put_nowait({"type": "lifespan.shutdown"})
    await life


def as_in_production() -> Any:
    """The logger of a service that writes JSON; its lines go nowhere."""
    return structlog.wrap_logger(
        structlog.BytesLogger(io.BytesIO()),
        processors=[*logs._shared(), *logs._json_form()],
        wrapper_class=structlog.make_filtering_bound_logger("INFO"),
    )


def test_a_request_costs_what_it_did(
    configure: Callable[..., Settings],
    contract: Contract,
    database: Database,
    sign_in: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app, "POLL", 3600)  # Looking for ended sessions would count in between.
    monkeypatch.setattr(guard, "log", as_in_production())
    instructions = Instructions()
    settings = configure(drift_sample=0, rate_limits="report", threads=1)
    token = sign_in("admin")["Authorization"]
    with instructions.watching():
        service = app.create_app(settings, contract=contract)
        counted = uvloop.run(count(service, token, instructions))
    known = POSTGRESQL if database.name == "postgresql" else SQLITE
    beyond = {
        name: f"{figure:,} and not {known[name]:,}"
        for name, figure in counted.items()
        if not LESS * known[name] <= figure <= MORE * known[name]
    }
    assert not beyond, beyond
