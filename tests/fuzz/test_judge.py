"""The judge of the siege sees what must not happen, planted in a server that says what it is told to."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.process.protocol import REFUSAL
from tests.fuzz.hostile import wire
from tests.fuzz.hostile.attacks import Asked, Attack
from tests.fuzz.hostile.judge import faults
from tests.fuzz.hostile.siege import Bearer

Judge = Callable[..., list[str]]

ASKED = Asked("h1", "GET", "/health/live")
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Request-Id: h1\r\n\r\n"


def answer(
    body: bytes = b'{"status":"ok"}', *, status: bytes = b"200 OK", id: str = "h1", more: bytes = b""
) -> bytes:
    kind = b"application/json" if status.startswith(b"2") else b"application/problem+json"
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nX-Request-Id: %b\r\n" % (status, kind, id.encode())
    return head + more + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


CLOSING = answer(more=b"Connection: close\r\n")


PROBLEM = answer(
    b'{"type":"/problems/malformed-request","title":"","status":400,"detail":"","instance":""}',
    status=b"400 Bad Request",
    id="0123456789abcdef" * 2,
    more=b"Connection: close\r\n",
)


@pytest.fixture
def judge(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> Iterator[Judge]:
    """Judge what a server answers to an attack, which it then leaves or, when it `stays`, does not."""
    monkeypatch.setattr(wire, "PATIENCE", 0.5)
    conformance = Conformance(contract)
    leaving = threading.Event()
    servers: list[threading.Thread] = []

    def serve(listener: socket.socket, told: bytes, *, stays: bool) -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(65_536)
            connection.sendall(told)
            if stays:
                leaving.wait()

    def judge(told: bytes, *, stays: bool = False, **changes: object) -> list[str]:
        parts = {"family": "", "pieces": (REQUEST,), "asked": (ASKED,)} | changes
        attack = Attack(**parts)  # type: ignore[arg-type]  # they are of several types
        listener = socket.create_server(("127.0.0.1", 0))
        servers.append(threading.Thread(target=serve, args=(listener, told), kwargs={"stays": stays}))
        servers[-1].start()
        bearer = Bearer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            answers, ended = bearer.bear(attack)
        except wire.Unparseable as error:
            return [str(error)]
        finally:
            bearer.leave()
        return list(faults(attack, answers, conformance, ended=ended))

    yield judge
    leaving.set()
    for server in servers:
        server.join()


def test_a_declared_answer_is_no_finding(judge: Judge) -> None:
    assert judge(answer(), stays=True) == []
    assert judge(CLOSING) == []
    assert judge(REFUSAL) == judge(PROBLEM) == []
    assert judge(REFUSAL, refused=True) == []
    assert judge(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(), stays=True) == []
    assert judge(b"", finished=False) == []


@pytest.mark.parametrize(
    ("told", "finding"),
    [
        (answer(status=b"500 Oops"), "a fault of the service"),
        (answer(status=b"503 Later"), "a fault of the service"),
        (answer(status=b"418 Teapot"), "status 418 is not declared"),
        (answer(b'{"status":"dead"}'), "body /status"),
        (answer(more=b"X-Powered-By: x\r\n"), "the header x-powered-by is not declared"),
        (answer(id="h2"), "which nobody asked"),
        (REFUSAL.replace(b"connection: close\r\n", b""), "which nobody asked"),
        (PROBLEM.replace(b"Connection: close\r\n", b""), "which nobody asked"),
        (REFUSAL.replace(b"HTTP/1.1 request", b"HTTP/9.9 request"), "which nobody asked"),
        (b"", "no answer"),
        (answer()[:-1], "before the answer did"),
        (answer()[:40], "no header"),
        (b"HTTP/1.1 200 OK\r\nX-Request-Id: h1\r\n\r\n", "how long the body is"),
        (answer(more=b"Transfer-Encoding: chunked\r\n"), "how long the body is"),
        (b"<html>", "no status line"),
    ],
)
def test_what_must_not_be_answered_is_found(told: bytes, finding: str, judge: Judge) -> None:
    assert finding in judge(told)[0]


def test_silence_is_found(judge: Judge) -> None:
    assert judge(b"", stays=True) == ["no answer within 0 s"]


def test_an_answer_that_claims_to_be_the_last_must_be(judge: Judge) -> None:
    assert judge(CLOSING, stays=True) == ["no answer within 0 s"]


def test_a_connection_may_not_end_without_a_word(judge: Judge) -> None:
    two = (ASKED, Asked("h2", "GET", "/health/live"))
    assert judge(answer(), asked=two) == ["no answer to ['h2']"]
    assert judge(answer() + answer(id="h2"), asked=two, stays=True) == []
    assert judge(CLOSING, asked=two) == []


def test_a_hidden_request_that_is_answered_is_found(judge: Judge) -> None:
    smuggled = answer(id="hidden")
    assert "'hidden', which nobody asked" in judge(CLOSING + smuggled)[0]
    findings = judge(CLOSING + smuggled, refused=True)
    assert "'hidden', which nobody asked" in findings[0]
    assert "not refused" in findings[-1]


def test_answers_out_of_order_are_found(judge: Judge) -> None:
    two = (ASKED, Asked("h2", "GET", "/health/live"))
    assert "'h2', which nobody asked" in judge(answer(id="h2") + answer(), asked=two, stays=True)[0]
