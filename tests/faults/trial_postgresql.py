"""PostgreSQL restarts, crashes, has no connection left, is locked, slow and frozen: `make faults`."""

import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from stockroom.db.postgresql import CONNECT_SECONDS
from tests.faults.load import (
    SUCCESSES,
    Load,
    assert_nothing_lost,
    audit,
    await_readiness,
    signed_in,
    stock_up,
)
from tests.faults.servers import Postgresql, postgresql
from tests.faults.services import Restartable, restartable
from tests.onlooker import onlooker
from tests.service import KEY

ROUNDS = 5
ENDED = 200
"""Connections that are ended one by one."""
CONNECTIONS = 40
LOCKED_SECONDS = 25
WRITERS = 30
AWAY_SECONDS = 20
RECOVERED = 5
"""Seconds in which all is as before."""
SLACK = 3
"""Seconds more than its deadlines that a request may take on a machine that does something else."""
DEADLINES = {"statement_seconds": 6, "lock_seconds": 4, "queue_seconds": 5}

ALLOWED = {*SUCCESSES, "503"}


@pytest.fixture
def server() -> Iterator[Postgresql]:
    with postgresql(max_connections=CONNECTIONS, superuser_reserved_connections=0) as server:
        yield server


@pytest.fixture
def start(server: Postgresql, tmp_path: Path) -> Iterator[Callable[..., Restartable]]:
    """Start a service, with items and a location."""
    with ExitStack() as stack:

        def start(**changes: Any) -> Restartable:
            settings = {"database_url": server.url, "jwt_key": KEY, "rate_limits": "report"} | changes
            service = stack.enter_context(restartable(tmp_path / "service", settings))
            stock_up(service.service)
            return service

        yield start


def assert_held(service: Restartable, load: Load) -> str:
    """Nothing but successes and 503 with Retry-After, nothing lost, everything consistent."""
    assert load.kinds().keys() <= ALLOWED, load.kinds()
    assert_nothing_lost(service.service, load)
    return f"{dict(load.kinds())}, the slowest {load.slowest:.1f} s; {audit(service.service)}"


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart(mode: str, server: Postgresql, start: Any, tell: Callable[[str], None]) -> None:
    service, recoveries = start(), []
    with Load(service.url) as load:
        for _ in range(ROUNDS):
            load.await_more(secrets.randbelow(200))
            server.control("restart", mode)
            recoveries.append(load.recovery(time.monotonic()))
    assert max(recoveries) < RECOVERED
    tell(f"{ROUNDS} restarts ({mode}): recovered in {max(recoveries):.2f} s; {assert_held(service, load)}")


def test_readiness_follows(server: Postgresql, start: Any, tell: Callable[[str], None]) -> None:
    service = start()
    with Load(service.url) as load:
        load.await_more(50)
        server.control("stop")
        unready = await_readiness(service.url, 503)
        assert httpx.get(f"{service.url}/health/live").status_code == 200
        server.control("start")
        began = time.monotonic()
        ready = await_readiness(service.url, 200)
        recovery = load.recovery(began)
    assert max(ready, recovery) < RECOVERED
    told = f"unready {unready:.2f} s after its stop, ready {ready:.2f} s after its start"
    tell(f"{told}, recovered in {recovery:.2f} s; {assert_held(service, load)}")


def test_connections_that_are_ended_one_by_one(
    server: Postgresql, start: Any, tell: Callable[[str], None]
) -> None:
    service, ended = start(), Counter[str]()
    choose = sa.text(
        "SELECT pid, state FROM pg_stat_activity WHERE application_name = 'stockroom'"
        " AND (state = 'idle') = :idle ORDER BY random() LIMIT 1"
    )
    with Load(service.url) as load, onlooker(server.url).connect() as other:
        while ended.total() < ENDED:
            found = other.execute(choose, {"idle": bool(ended.total() % 2)}).one_or_none()
            if found and other.scalar(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": found.pid}):
                ended[found.state] += 1
                load.await_more(5)
        recovery = load.recovery(time.monotonic())
    assert recovery < RECOVERED
    tell(f"connections ended: {dict(ended)}; {assert_held(service, load)}")


def test_no_connection_is_left(server: Postgresql, start: Any, tell: Callable[[str], None]) -> None:
    service = start(**DEADLINES)
    with Load(service.url) as load:
        load.await_more(50)
        with all_taken(server):
            begun = time.monotonic()
            time.sleep(AWAY_SECONDS)
            assert httpx.get(f"{service.url}/health/live").status_code == 200
            assert load.kinds(begun).keys() == {"503"}
        recovery = load.recovery(time.monotonic())
    assert recovery < RECOVERED
    assert load.slowest < DEADLINES["queue_seconds"] + CONNECT_SECONDS + SLACK
    tell(f"no connection for {AWAY_SECONDS} s: recovered in {recovery:.2f} s; {assert_held(service, load)}")


@contextmanager
def all_taken(server: Postgresql) -> Iterator[None]:
    """Others have all connections, those of the service among them."""
    with ExitStack() as stack:
        others = []
        while len(others) < CONNECTIONS:
            try:
                others.append(stack.enter_context(onlooker(server.url).connect()))
            except sa.exc.OperationalError:
                others[0].exec_driver_sql(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE application_name = 'stockroom' LIMIT 1"
                )
        yield


def test_levels_are_locked(server: Postgresql, start: Any, tell: Callable[[str], None]) -> None:
    service = start()
    with (
        Load(service.url, clients=WRITERS, reads=False, names=True) as load,
        onlooker(server.url).connect() as other,
    ):
        load.await_more(100)
        other.execute(sa.text("BEGIN"))
        other.execute(sa.text("LOCK TABLE levels IN ACCESS EXCLUSIVE MODE"))
        begun, reads = time.monotonic(), []
        with httpx.Client(base_url=service.url, headers=signed_in("reader"), timeout=60) as client:
            while time.monotonic() < begun + LOCKED_SECONDS:
                asked = time.monotonic()
                assert client.get("/items").status_code == 200
                reads.append(time.monotonic() - asked)
        other.execute(sa.text("COMMIT"))
        recovery = load.recovery(time.monotonic())
    read = f"{len(reads):,} reads of items meanwhile, the slowest {max(reads):.2f} s"
    tell(f"levels locked for {LOCKED_SECONDS} s, {WRITERS} writers: {read}; {assert_held(service, load)}")
    assert recovery < RECOVERED
    assert max(reads) < SLACK


def test_statements_that_take_too_long(server: Postgresql, start: Any, tell: Callable[[str], None]) -> None:
    service = start(**DEADLINES)
    with Load(service.url) as load, onlooker(server.url).connect() as other:
        load.await_more(50)
        other.exec_driver_sql(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"
        )
        other.exec_driver_sql("CREATE TRIGGER slow BEFORE INSERT ON movements EXECUTE FUNCTION slow()")
        begun = time.monotonic()
        time.sleep(AWAY_SECONDS)
        assert load.kinds(begun).keys() <= {"200", "503"}
        # It waits for statements that nobody waits for any more.
        dropping = time.monotonic()
        other.exec_driver_sql("DROP TRIGGER slow ON movements")
        other.exec_driver_sql("DROP FUNCTION slow")
        dropped = time.monotonic() - dropping
        recovery = load.recovery(time.monotonic())
    assert dropped < DEADLINES["statement_seconds"] + SLACK
    assert recovery < RECOVERED
    assert load.slowest < DEADLINES["queue_seconds"] + DEADLINES["statement_seconds"] + SLACK
    tell(f"statements of 60 s: recovered in {recovery:.2f} s; {assert_held(service, load)}")


def test_it_is_frozen(server: Postgresql, start: Any, tell: Callable[[str], None]) -> None:
    service = start(**DEADLINES)
    with Load(service.url) as load:
        load.await_more(50)
        with server.frozen():
            begun, alive = time.monotonic(), []
            while time.monotonic() < begun + AWAY_SECONDS:
                asked = time.monotonic()
                assert httpx.get(f"{service.url}/health/live").status_code == 200
                alive.append(time.monotonic() - asked)
                time.sleep(0.2)
            assert load.kinds(begun).keys() == {"503"}
            unready = await_readiness(service.url, 503)
        thawed = time.monotonic()
        ready = await_readiness(service.url, 200)
        recovery = load.recovery(thawed)
    assert max(ready, recovery) < RECOVERED
    bound = DEADLINES["queue_seconds"] + max(CONNECT_SECONDS, DEADLINES["statement_seconds"])
    assert load.slowest < bound + SLACK
    told = f"/health/live in {max(alive):.2f} s at most, unready in {unready:.2f} s"
    tell(f"frozen for {AWAY_SECONDS} s: {told}, recovered in {recovery:.2f} s; {assert_held(service, load)}")
