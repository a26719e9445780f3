"""Background activities of the API: none ends in silence, and readiness tells which one is not well."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stockroom.accounts import revocation_feed
from stockroom.accounts.revocation_feed import RevocationFeed
from stockroom.db.database import Database
from tasks import publisher

Client = Any
Serve = Callable[..., Any]
SignIn = Callable[..., dict[str, str]]
Lines = list[dict[str, Any]]

# Far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stockroom.accounts.revocation_feed.POLL", 0.02)
    monkeypatch.setattr("stockroom.activities.activity.FIRST_WAIT", 0.01)


def raising(*_: Any, **__: Any) -> Any:
    raise KeyError("planted")


@pytest.fixture
def look(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], Any]:
    """Have something happen before each look for ended sessions: of the test's own services alone, since
    others may live as long as the test run.
    """
    poll = RevocationFeed._poll

    @contextmanager
    def look(before: Callable[[], object]) -> Iterator[None]:
        def looked(feed: RevocationFeed) -> int:
            if feed._database.url == database.url:
                before()
            return poll(feed)

        with monkeypatch.context() as changed:
            changed.setattr(RevocationFeed, "_poll", looked)
            yield

    return look


def ready_when(client: Client, activity: str, state: str) -> Any:
    """The answer about readiness, once it says so of the activity."""
    give_up = time.monotonic() + PATIENCE
    while (answer := client.get("/health/ready")).json()["activities"][activity] != state:
        assert time.monotonic() < give_up, answer.text
        time.sleep(0.01)
    return answer


def log_in(client: Client) -> dict[str, str]:
    credentials = {"username": "ada", "password": "parsley under the bridge"}
    assert client.post("/register", json=credentials | {"email": "ada@example.com"}).status_code == 201
    token = client.post("/login", json=credentials).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def told_of(logged: Lines, activity: str) -> list[tuple[str, str]]:
    return [(line["event"], line["log_level"]) for line in logged if line.get("activity") == activity]


def test_all_is_well_where_nothing_fails(client: Client, logged: Lines) -> None:
    assert client.get("/health/ready").json() == {
        "status": "ok",
        "dependencies": {"database": "ok", "broker": "unused", "redis": "unused", "storage": "ok"},
        "activities": {"revocations": "ok", "dispatch": "ok", "drift": "ok"},
    }


def test_what_the_settings_do_without_is_unused(serve: Serve) -> None:
    assert serve(drift_sample=0).get("/health/ready").json()["activities"]["drift"] == "unused"


def test_the_feed_of_ended_sessions_comes_back_from_a_fault_that_is_no_outage(
    serve: Serve, look: Callable[..., Any], logged: Lines
) -> None:
    one, other = serve(), serve()
    session = log_in(one)
    with look(raising):
        unready = ready_when(other, "revocations", "failed")
        assert (unready.status_code, unready.json()["type"]) == (503, "/problems/unavailable")
        assert unready.json()["detail"] == "Which sessions have ended is not known here."
        assert unready.json()["dependencies"]["database"] == "ok"
        assert int(unready.headers["Retry-After"]) > 0
        assert other.get("/health/live").status_code == 200
        assert one.post("/logout", headers=session).status_code == 204
        # Why this process is not ready: it takes the token for good.
        assert other.get("/me", headers=session).status_code == 200
    assert ready_when(other, "revocations", "ok").status_code == 200
    give_up = time.monotonic() + PATIENCE
    while other.get("/me", headers=session).status_code != 401:
        assert time.monotonic() < give_up, "the other process never learned of it"
    ready_when(one, "revocations", "ok")
    faults = [("activity.failed", "error"), ("activity.recovered", "info")]
    # Two processes tell once each, though hundreds of looks failed.
    assert sorted(told_of(logged, "revocations")) == sorted(2 * faults)


def test_one_look_that_fails_makes_no_process_unready(
    client: Client, look: Callable[..., Any], logged: Lines
) -> None:
    looks = []

    def once() -> None:
        looks.append(1)
        if len(looks) == 1:
            raising()

    with look(once):
        while len(looks) < 3:
            assert client.get("/health/ready").status_code == 200
    assert told_of(logged, "revocations") == [("activity.failed", "error"), ("activity.recovered", "info")]


def test_a_feed_that_hangs_makes_the_process_unready(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    async def hang(feed: object) -> None:
        looks.append(feed)
        if len(looks) > 1:
            await asyncio.Event().wait()

    monkeypatch.setattr("stockroom.activities.activities.STOP_SECONDS", 0.01)
    monkeypatch.setattr("stockroom.accounts.revocation_feed.RevocationFeed.read", hang)
    assert ready_when(serve(), "revocations", "failed").status_code == 503
    assert len(looks) == 2


def test_dispatch_comes_back_from_a_fault_that_is_no_outage(
    client: Client, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, logged: Lines
) -> None:
    headers = sign_in("admin") | {"Content-Type": "text/csv"}
    with monkeypatch.context() as broken:
        broken.setattr(publisher, "for_publisher", raising)
        answer = client.post("/imports?kind=items", headers=headers, content=b"sku,name\nA1,Axe\n")
        assert answer.status_code == 202
        ready = ready_when(client, "dispatch", "failed")
        # The sweep of the workers finds the task all the same.
        assert (ready.status_code, ready.json()["activities"]["revocations"]) == (200, "ok")
    ready_when(client, "dispatch", "ok")
    assert told_of(logged, "dispatch") == [("activity.failed", "error"), ("activity.recovered", "info")]


def test_drift_comes_back_from_a_fault(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        # No Exception: tests hold those against the service.
        broken.setattr("stockroom.http.drift.Drift._hold", sys.exit)
        assert ready_when(client, "drift", "failed").status_code == 200
    ready_when(client, "drift", "ok")


def test_a_stop_is_no_failure(serve: Serve, logged: Lines) -> None:
    client = serve()
    client.get("/health/ready")
    client.__exit__()
    client.__enter__()
    assert [line for line in logged if str(line["event"]).startswith("activity.")] == []


def test_readiness_is_told_of_the_feed_within_a_few_seconds() -> None:
    assert revocation_feed.pace().patience < 5
