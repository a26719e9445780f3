"""What requests cost, in instructions of Python's virtual machine: the same count each time, on any machine.

`instructions.json` has the figures for each version of Python that some were counted on, as each has its own
instructions. A request that costs more than its figure fails here. One that costs less, or a Python without
figures, fails nothing: the counts are shown at the end of the run. `make instructions` writes the figures of
the Python at hand anew; the commit that has them says why. What libraries in C do is not counted, nor is the
server; docs/performance.md has the time that all of it takes.
"""

import asyncio
import io
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import orjson
import pytest
import structlog
import uvloop
from starlette.types import ASGIApp, Message

import app
from stockroom.contract.contract import Contract
from stockroom.db.database import Database
from stockroom.http import guard
from stockroom.process import logs
from stockroom.settings import Settings
from tests.contract.asgi import Answer, ask

MORE = 1.03
"""How much of a figure may be counted before it fails; what is as much below it is told."""

FIGURES = Path(__file__).with_name("instructions.json")
TESTS = str(Path(__file__).parent)
"""The folder of the files whose instructions do not count."""

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
WRITES = os.environ.get("STOCKROOM_TEST_INSTRUCTIONS") == "write"

Figures = dict[str, int]
Ask = Callable[..., Awaitable[Answer]]


class Traced:
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

    def start(self) -> None:
        self._counting = True
        sys.settrace(self._trace)

    def stop(self) -> None:
        sys.settrace(None)
        self._counting = False

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._counting or TESTS in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._trace_frame

    def _trace_frame(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.counted += event == "opcode"
        return self._trace_frame


class Monitored:
    """The same from Python 3.12 on (PEP 669): there, tracing threads can end in a segmentation fault."""

    def __init__(self) -> None:
        self.counted = 0
        self._tool = sys.monitoring.PROFILER_ID

    @contextmanager
    def watching(self) -> Iterator[None]:
        sys.monitoring.use_tool_id(self._tool, __name__)
        sys.monitoring.register_callback(self._tool, sys.monitoring.events.INSTRUCTION, self._count)
        try:
            yield
        finally:
            sys.monitoring.free_tool_id(self._tool)

    def start(self) -> None:
        sys.monitoring.set_events(self._tool, sys.monitoring.events.INSTRUCTION)

    def stop(self) -> None:
        sys.monitoring.set_events(self._tool, 0)

    def _count(self, code: CodeType, offset: int) -> Any:
        if TESTS in code.co_filename:
            return sys.monitoring.DISABLE
        self.counted += 1
        return None


Instructions = Traced | Monitored


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


def requests(send: Ask) -> dict[str, tuple[int, Callable[[int], Awaitable[Answer]]]]:
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
    name: str, status: int, request: Callable[[int], Awaitable[Answer]], instructions: Instructions
) -> int:
    """The fewest of some tries, the first of which warm what is kept."""
    counted = []
    for number in range(12):
        before = instructions.counted
        instructions.start()
        try:
            answer = await request(number)
        finally:
            instructions.stop()
        counted.append(instructions.counted - before)
        assert answer.status == status, (name, answer)
    return min(counted[6:])


@asynccontextmanager
async def living(service: ASGIApp) -> AsyncIterator[None]:
    """The service between its start and its end."""
    events: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    events.put_nowait({"type": "lifespan.startup"})
    life = asyncio.create_task(service({"type": "lifespan", "asgi": {}}, events.get, told.put))  # type: ignore[arg-type]  # plain dictionaries
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


def beyond(counted: Figures, known: Figures) -> dict[str, str]:
    """What costs more than its figure, if there is one."""
    return {
        name: f"{count:,} and not {known[name]:,}"
        for name, count in counted.items()
        if name in known and count > MORE * known[name]
    }


def told(counted: Figures, known: Figures) -> list[str]:
    """A line for each count that is not near its figure, or has none."""
    return [
        f"{name}: {count:,} instructions, and {_figure(known.get(name))}"
        for name, count in counted.items()
        if not known.get(name, 0) / MORE <= count <= MORE * known.get(name, 0)
    ]


def _figure(known: int | None) -> str:
    return "there is no figure" if known is None else f"the figure is {known:,}"


def write(database: str, counted: Figures) -> None:
    """Put the figures of this Python right."""
    figures = json.loads(FIGURES.read_text())
    figures.setdefault(PYTHON, {})[database] = counted
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")


def test_a_request_costs_no_more_than_it_did(
    configure: Callable[..., Settings],
    contract: Contract,
    database: Database,
    sign_in: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tell: Callable[[str], None],
) -> None:
    monkeypatch.setattr(
        "stockroom.accounts.revocation_feed.POLL", 3600
    )  # Looking for ended sessions would count in between.
    monkeypatch.setattr(guard, "log", as_in_production())
    instructions = Monitored() if sys.version_info >= (3, 12) else Traced()
    settings = configure(drift_sample=0, rate_limits="report", threads=1)
    token = sign_in("admin")["Authorization"]
    with instructions.watching():
        service = app.create_app(settings, contract=contract)
        counted = uvloop.run(count(service, token, instructions))
    kind = database.name
    if WRITES:
        write(kind, counted)
    known = json.loads(FIGURES.read_text()).get(PYTHON, {}).get(kind, {})
    for line in told(counted, known):
        tell(f"Python {PYTHON}, {kind}: {line}")
    assert not beyond(counted, known)


KNOWN = {"an item": 1000}


@pytest.mark.parametrize(
    ("count", "known", "fails", "tells"),
    [
        pytest.param(1030, KNOWN, False, False, id="as much"),
        pytest.param(1031, KNOWN, True, True, id="more"),
        pytest.param(980, KNOWN, False, False, id="a little less"),
        pytest.param(500, KNOWN, False, True, id="less"),
        pytest.param(1000, {}, False, True, id="on a Python without figures"),
    ],
)
def test_only_more_fails_and_what_is_not_near_is_told(
    count: int, known: Figures, fails: bool, tells: bool
) -> None:
    counted = {"an item": count}
    assert (bool(beyond(counted, known)), bool(told(counted, known))) == (fails, tells)
