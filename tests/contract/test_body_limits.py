"""Bodies have bounds; what is beyond them costs neither memory nor disk, and leaves nothing behind."""

import asyncio
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
from starlette.testclient import TestClient

from app import create_app
from stockroom.contract.body_readers import MAX_BYTES
from stockroom.contract.contract import load_contract
from stockroom.contract.document import CONTRACT
from stockroom.http.bodies import SMALL
from stockroom.http.validation import MEMORY
from tests.contract.asgi import Answer, Counted, ask, scope_of

Ask = Callable[..., Answer]
JSON = ("Content-Type", "application/json")
MEGABYTE = b"a" * 1_000_000


@pytest.mark.parametrize("media", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_of_too_many_bytes_is_refused_by_its_length_alone(media: str, raw: Ask) -> None:
    headers = [("Content-Type", media), ("Content-Length", str(MAX_BYTES + 1))]
    answer = raw("POST", "/login", headers, [])
    assert (answer.status, answer.problem) == (413, "content-too-large")


def test_a_file_of_too_many_bytes_is_refused_by_its_length_alone(raw: Ask, ada: dict[str, str]) -> None:
    headers = [*ada.items(), ("Content-Type", "text/csv"), ("Content-Length", "104857601")]
    assert raw("POST", "/imports?kind=items", headers, []).problem == "content-too-large"


def test_chunks_beyond_the_bound_are_not_kept(raw: Ask) -> None:
    chunks = Counted(bytes(1_000_000), most=300)
    tracemalloc.start()
    try:
        answer = raw("POST", "/login", [JSON, ("Transfer-Encoding", "chunked")], chunks)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status == 413
    assert chunks.taken <= 3
    assert peak < 20_000_000


def test_a_body_at_the_bound_is_read(raw: Ask) -> None:
    body = b'{"username": "%s"}' % (b"a" * (MAX_BYTES - 16))
    assert len(body) == MAX_BYTES
    assert raw("POST", "/login", [JSON, ("Content-Length", str(MAX_BYTES))], [body]).status == 400
    assert raw("POST", "/login", [JSON], [body, b" "]).status == 413


@pytest.fixture
def uploads(tmp_path: Path) -> Path:
    """Where files are while they are received."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    return folder


@pytest.fixture
def send_file(
    uploads: Path, configure: Any, sign_in: Any, tmp_path: Path
) -> Iterator[Callable[..., Answer | None]]:
    """Send a file to a service that takes 2 MB at most."""
    path = tmp_path / "openapi.yaml"
    path.write_text(CONTRACT.read_text().replace("maxLength: 104857600", "maxLength: 2000000"))
    app = create_app(configure(), contract=load_contract(uploads, path))
    headers = [*sign_in().items(), ("Content-Type", "text/csv")]

    def send_file(
        chunks: list[bytes], *more: tuple[str, str], query: str = "kind=items", **options: Any
    ) -> Any:
        sent = [*headers, *more]
        return client.portal.call(partial(ask, app, "POST", f"/imports?{query}", sent, chunks, **options))

    with TestClient(app) as client:
        yield send_file


def test_a_file_beyond_its_bound_is_refused_and_gone(send_file: Any, uploads: Path) -> None:
    assert send_file([MEGABYTE] * 3).problem == "content-too-large"
    assert send_file([], ("Content-Length", "2000001")).status == 413
    assert list(uploads.iterdir()) == []


@pytest.mark.parametrize(
    ("chunks", "query", "status"),
    [
        pytest.param([b"sku,name\n", b"A1,Axe\n"], "kind=items", 202, id="accepted"),
        pytest.param([b""], "kind=items", 400, id="empty"),
        pytest.param([b"colour\nred\n"], "kind=items", 400, id="refused by the handler"),
        pytest.param([b"sku,name\nA1,Axe\n"], "kind=nonsense", 400, id="refused by its parameters"),
    ],
)
def test_a_file_that_was_handled_is_gone(
    chunks: list[bytes], query: str, status: int, send_file: Any, uploads: Path
) -> None:
    assert send_file(chunks, query=query).status == status
    assert list(uploads.iterdir()) == []


@pytest.mark.parametrize("chunks", [[], [MEGABYTE]], ids=["at once", "halfway"])
def test_a_client_that_leaves_leaves_nothing(chunks: list[bytes], send_file: Any, uploads: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        assert send_file(chunks, leaves=True) is None
    assert list(uploads.iterdir()) == []
    assert [(entry["event"], entry["log_level"], entry["status"]) for entry in logs] == [
        ("request", "info", 499)
    ]


def test_a_client_that_leaves_amid_json_is_no_fault(service: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(ask(service.app, "POST", "/login", [JSON], [b"{"], leaves=True)) is None
    assert [entry["event"] for entry in logs] == ["request"]


def test_many_large_bodies_at_once_are_refused_before_they_fill_memory(service: Any) -> None:
    many, large = 100, b" " * 1_000_000
    fitting = MEMORY // (len(large) - SMALL)

    async def send(body: bytes, go_on: asyncio.Event) -> int:
        """The status of the answer to a body that ends when it may."""
        pieces, told = [body, b"{}"], []

        async def receive() -> Any:
            if len(pieces) == 1:
                await go_on.wait()
            return {"type": "http.request", "body": pieces.pop(0), "more_body": len(pieces) > 0}

        async def note(message: Any) -> None:
            told.append(message)

        await service.app(scope_of("POST", "/login", [JSON]), receive, note)
        return int(told[0]["status"])

    async def send_many() -> tuple[list[int], list[int], list[int]]:
        go_on, at_once = asyncio.Event(), asyncio.Event()
        at_once.set()
        completed = asyncio.as_completed([send(large, go_on) for _ in range(many)])
        refused = [await next(completed) for _ in range(many - fitting)]
        others = [await send(b" " * SMALL, at_once)]
        go_on.set()
        accepted = [await status for status in completed]
        return refused, accepted, [*others, await send(large, at_once)]

    refused, accepted, others = asyncio.run(send_many())
    assert refused == [503] * (many - fitting)
    assert accepted == [400] * fitting
    assert others == [400, 400]


@pytest.fixture
def refused_after(uploads: Path, configure: Any, sign_in: Any) -> Iterator[Callable[..., int]]:
    """Send a file of megabytes to a service where all of one account may have 3; get how many it took."""
    app = create_app(configure(account_upload_bytes=3_000_000), contract=load_contract(uploads))
    account = [*sign_in().items(), ("Content-Type", "text/csv")]

    def refused_after(*headers: tuple[str, str]) -> int:
        chunks = Counted(MEGABYTE, most=90)
        sent = [*account, *headers]
        answer = client.portal.call(ask, app, "POST", "/imports?kind=items", sent, chunks)
        assert answer
        # It does not get smaller by waiting.
        assert (answer.status, answer.problem) == (413, "content-too-large")
        assert "3000000 bytes" in answer.json()["detail"]
        assert list(uploads.iterdir()) == []
        return chunks.taken

    with TestClient(app) as client:
        yield refused_after


def test_a_file_that_is_more_than_its_sender_may_have_is_refused_by_its_length(refused_after: Any) -> None:
    # The one that is taken is what the test's client holds ready.
    assert refused_after(("Content-Length", "3000001")) == 1


def test_a_file_without_a_length_is_refused_once_it_is_more_than_its_sender_may_have(
    refused_after: Any,
) -> None:
    assert refused_after(("Transfer-Encoding", "chunked")) <= 7
