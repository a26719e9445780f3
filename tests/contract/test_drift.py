"""Answers are checked after they were sent: drift is counted and logged, and nobody waits or fails for it."""

import asyncio
import random
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from stockroom.activities.activities import Activities
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import load_contract
from stockroom.http.captured_response import LONGEST_BODY
from stockroom.http.drift import WAITING, Drift
from tests.contract.changes import replace
from tests.contract.stock import TINY, our_service
from tests.observer import Counts, Failures

READ = "tests.contract.tiny.things.read"
SHORT = """
    Short: {type: object, additionalProperties: false, properties: {name: {type: string, maxLength: 3}}}
    Problem: {type: object, required: [type]}
"""
SECRET = "ada@example.com"
# Seconds; far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 30.0

Lines = list[dict[str, Any]]
Send = Callable[..., None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A contract that a handler does not keep: names of more than three letters are not declared."""
    shorter = replace("/things/{name}: > '200'", "{type: object}", "{$ref: '#/components/schemas/Short'}")
    text = replace("components: > schemas:", "\n", SHORT)(shorter(TINY.read_text()))
    path = tmp_path / "openapi.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def counts() -> Counts:
    return Counts()


@contextmanager
def service(
    path: Path, counts: Any, fraction: float = 1, activities: Activities | None = None
) -> Iterator[TestClient]:
    """A client of a service; once it is left, all that was to be checked is."""
    around = {"drift_sample": fraction, "observer": counts, "activities": activities or Activities()}
    app = our_service(path.parent, path, **around)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def drifts(logged: Lines) -> Lines:
    return [line for line in logged if line["event"] == "contract.drift"]


def test_an_answer_that_is_not_declared_is_sent_as_it_is_and_counted(
    path: Path, counts: Counts, logged: Lines
) -> None:
    with service(path, counts) as client:
        answer = client.get("/things/long")
    assert (answer.status_code, answer.json()) == (200, {"name": "long"})
    assert (counts.answers, counts.drifts, counts.reasons) == (1, [(READ, 200, "body")], [])
    assert len(drifts(logged)) == 1


def test_an_answer_that_is_declared_is_counted_alone(path: Path, counts: Counts, logged: Lines) -> None:
    with service(path, counts) as client:
        assert client.get("/things/abc").is_success
        # What is asked for is no operation, and the contract says what such an answer is, too.
        assert client.get("/nothing").status_code == 404
        assert client.delete("/things").status_code == 405
        assert client.get("/%2fthings").status_code == 400
    assert (counts.answers, counts.drifts, counts.reasons) == (4, [], [])
    assert drifts(logged) == []


def test_a_kind_of_drift_is_logged_once_and_counted_each_time(
    path: Path, counts: Counts, logged: Lines
) -> None:
    with service(path, counts) as client:
        for name in ("long", "longer", "longest"):
            client.get(f"/things/{name}", headers={"X-Request-Id": f"request-of-{name}"})
        assert client.get("/broken", headers={"X-Request-Id": "mine"}).status_code == 500
    assert counts.drifts == [(READ, 200, "body")] * 3 + [("tests.contract.tiny.things.broken", 500, "status")]
    assert drifts(logged) == [
        {
            "event": "contract.drift",
            "log_level": "error",
            "operation": READ,
            "status": 200,
            "part": "body",
            "place": "/components/schemas/Short/properties/name",
            "rule": "maxLength",
            "request_id": "request-of-long",
        },
        {
            "event": "contract.drift",
            "log_level": "error",
            "operation": "tests.contract.tiny.things.broken",
            "status": 500,
            "part": "status",
            "place": "",
            "rule": "undeclared",
            "request_id": "mine",
        },
    ]


def test_kinds_beyond_the_bound_are_counted_alone(
    path: Path, counts: Counts, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockroom.http.drift.KINDS", 1)
    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    send(drift, start(), part(b"[]"))
    send(drift, start(), part(b"?"))
    drift.close()
    assert counts.drifts == [(READ, 200, "body")] * 2
    assert [line["rule"] for line in drifts(logged)] == ["type"]


def test_nothing_that_was_answered_is_logged(path: Path, counts: Counts, logged: Lines) -> None:
    with service(path, counts) as client:
        client.get(f"/things/{SECRET}")
    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    for body in (f'{{"{SECRET}": 1}}', f'{{"name": ["{SECRET}"]}}', SECRET):
        send(drift, start(), part(body.encode()))
    send(drift, start(b"application/x-" + SECRET.encode()), part(b"{}"))
    drift.close()
    assert [(line["part"], line["rule"]) for line in drifts(logged)] == [
        ("body", "maxLength"),
        ("body", "additionalProperties"),
        ("body", "type"),
        ("body", "unreadable"),
        ("media-type", "undeclared"),
    ]
    assert SECRET not in str(drifts(logged))


def test_a_sampled_fraction_is_checked(
    path: Path, counts: Counts, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    chances = iter([0.3, 0.1, 0.2])
    with service(path, counts, fraction=0.2) as client:
        monkeypatch.setattr(random, "random", lambda: next(chances))
        for _ in range(3):
            client.get("/things/long")
    assert counts.drifts == [(READ, 200, "body")]


def test_a_fraction_of_zero_checks_nothing_and_starts_nothing(
    path: Path, counts: Counts, logged: Lines
) -> None:
    before = threads()
    with service(path, counts, fraction=0) as client:
        client.get("/things/long")
        assert threads() == before
    assert (counts.answers, counts.drifts, drifts(logged)) == (0, [], [])


def test_the_thread_ends_with_the_service(path: Path, counts: Counts) -> None:
    before = threads()
    with service(path, counts) as client:
        client.get("/things/abc")
        assert len(threads() - before) == 1
    assert threads() == before


def test_head_is_checked_without_the_body_that_is_not_sent(path: Path, counts: Counts) -> None:
    with service(path, counts) as client:
        assert client.head("/things/long").is_success
    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    send(drift, start(b"text/html"), part(b"no JSON"), method="HEAD")
    drift.close()
    assert (counts.answers, counts.drifts) == (2, [(READ, 200, "media-type")])


def test_an_answer_in_pieces_is_checked_as_a_whole(path: Path, counts: Counts) -> None:
    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    send(drift, start(), part(b'{"name"', more=True), part(b': "ab', more=True), part(b'c"}'))
    send(drift, start(), part(b'{"name"', more=True), part(b': "ab', more=True), part(b'cd"}'))
    drift.close()
    assert (counts.answers, counts.drifts) == (2, [(READ, 200, "body")])


def test_an_answer_that_breaks_off_is_not_checked(path: Path, counts: Counts) -> None:
    async def leave(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise ConnectionResetError

    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    with pytest.raises(ConnectionResetError):
        send(drift, start(), part(b'{"name": "long"}'), to=leave)
    send(drift, start(), part(b'{"name": "long"', more=True))
    drift.close()
    assert (counts.answers, counts.drifts, counts.reasons) == (0, [], [])


def test_a_body_beyond_the_bound_is_not_kept(path: Path, counts: Counts) -> None:
    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    send(drift, start(), part(b" " * LONGEST_BODY, more=True), part(b"1"))
    send(drift, start(), part(b" " * (LONGEST_BODY - 2), more=True), part(b"{}"))
    drift.close()
    assert (counts.answers, counts.drifts, counts.reasons) == (1, [], ["too-long"])


def test_what_comes_too_fast_is_let_go_of(counts: Counts) -> None:
    more = threading.Event()
    slow = SimpleNamespace(operation=lambda *_: more.wait() and None, examine=lambda *_: [])
    drift = Drift(slow, 1, counts, Activities())  # type: ignore[arg-type]  # all that it asks
    for _ in range(WAITING + 3):
        send(drift, start(), part(b"{}"))
    assert counts.reasons == ["busy"] * 3
    more.set()
    give_up = time.monotonic() + PATIENCE
    while counts.answers < WAITING:
        assert time.monotonic() < give_up
        time.sleep(0.001)
    send(drift, start(), part(b"{}"))
    drift.close()
    assert (counts.answers, counts.reasons) == (WAITING + 1, ["busy"] * 3)


def test_a_check_that_crashes_fails_nothing(
    path: Path, counts: Counts, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> Any:
        raise LookupError(SECRET)

    with service(path, counts) as client:
        monkeypatch.setattr(Conformance, "examine", crash)
        assert [client.get("/things/long").json() for _ in range(2)] == [{"name": "long"}] * 2
    assert (counts.answers, counts.reasons) == (0, ["failed", "failed"])
    (told,) = [line for line in logged if line["event"] == "contract.unchecked"]
    assert told["error"] == "LookupError"
    assert str(Path(__file__)) in told["where"]
    assert SECRET not in str(told)


def test_a_check_that_crashes_is_a_failure_of_the_activity_until_one_does_not(
    path: Path, counts: Counts, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> Any:
        raise LookupError(SECRET)

    activities = Activities(failures := Failures())
    with service(path, counts, activities=activities) as client:
        with monkeypatch.context() as patch:
            patch.setattr(Conformance, "examine", crash)
            client.get("/things/abc")
            await_state(activities, "failed")
        client.get("/things/abc")
        await_state(activities, "ok")
    assert (failures.counts, failures.failing, counts.answers) == ({"drift": 1}, set(), 1)
    told = [line for line in logged if line["event"].startswith("activity.")]
    assert [line["event"] for line in told] == ["activity.failed", "activity.recovered"]
    assert told[0]["reason"].startswith(f"LookupError at {__file__}:")
    trace = "".join(traceback.format_exception(told[0]["exc_info"]))
    assert SECRET not in trace + str(told)


def await_state(activities: Activities, state: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while activities.states()["drift"] != state:
        assert time.monotonic() < give_up
        time.sleep(0.001)


def test_answers_for_which_there_is_no_thread_take_no_place(
    path: Path, counts: Counts, logged: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        for _ in range(WAITING + 1):
            send(drift, start(), part(b"{}"))
    send(drift, start(), part(b"{}"))
    drift.close()
    assert (counts.answers, counts.reasons) == (1, ["failed"] * (WAITING + 1))


class Crashing:
    """Counts nothing; whatever it is to see, it raises an error."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def crash(*seen: object) -> None:
            raise ZeroDivisionError

        return crash


def test_counters_that_crash_fail_nothing(path: Path, logged: Lines) -> None:
    with service(path, Crashing()) as client:
        assert client.get("/things/long").json() == {"name": "long"}
    assert [line["error"] for line in logged if line["event"] == "observer.failed"] == [
        "ZeroDivisionError()"
    ] * 2
    conformance = Conformance(load_contract(path.parent, path))
    drift = Drift(conformance, 1, Crashing(), Activities())  # type: ignore[arg-type]  # see above
    send(drift, start(), part(b" " * (LONGEST_BODY + 1)))
    drift.close()
    assert len(drifts(logged)) == 1
    assert [line["error"] for line in logged if line["event"] == "contract.unchecked"] == [
        "ZeroDivisionError"
    ] * 2


def test_an_answer_after_the_end_is_sent_all_the_same(path: Path, counts: Counts) -> None:
    drift = Drift(Conformance(load_contract(path.parent, path)), 1, counts, Activities())
    drift.close()
    assert len(send(drift, start(), part(b"{}"))) == 2
    assert counts.reasons == ["failed"]


def send(drift: Drift, *messages: Message, method: str = "GET", to: Any = None) -> list[Message]:
    """Send an answer to a request for a thing; returns what arrives."""
    arrived: list[Message] = []

    async def arrive(message: Message) -> None:
        arrived.append(message)

    async def answer() -> None:
        watching = drift.watch({"method": method, "path": "/things/x"}, "request", to or arrive)
        for message in messages:
            await watching(message)

    asyncio.run(answer())
    return arrived


def start(media: bytes = b"application/json") -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-type", media)]}


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("drift")}
