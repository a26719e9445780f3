"""What the service answers while something it needs is away."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from stockroom.contract.contract import Contract
from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from tests.contract.gates.requests import plain_examples
from tests.onlooker import onlooker

Client = Any
Serve = Callable[..., Any]
SignIn = Callable[..., dict[str, str]]

# Seconds; far more than it takes, so that a machine that does something else fails no test.
PATIENCE = 30.0
# Nobody listens there: the port of tcpmux.
NOBODY = "redis://127.0.0.1:1"


@pytest.fixture
def database_url(empty_url: str) -> str:
    """A database of the test's own, which may lose all its connections."""
    migrate.upgrade(empty_url)
    return empty_url


@pytest.fixture
def served(database_url: str) -> Database:
    """The database as the service holds it."""
    return open_database(database_url, connections=20)


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Take the database away from all who use it."""
    url = sa.make_url(database.url)
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "")
        hidden = file.rename(file.with_name("hidden"))
        # Where there is nothing SQLite makes a new database; this it cannot open.
        file.mkdir()
        database.dispose()
        try:
            yield
        finally:
            file.rmdir()
            hidden.rename(file)
    else:
        server = onlooker(database.url, database="postgres")
        with server.connect() as connection:
            connection.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
            connection.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": url.database},
            )
            try:
                yield
            finally:
                connection.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))


def test_without_the_database_every_operation_that_needs_it_says_so(
    serve: Serve, sign_in: SignIn, served: Database, contract: Contract
) -> None:
    client, admin = serve(served, rate_limits="report"), sign_in("admin")
    with away(served):
        for example in plain_examples(contract):
            request = example.request()
            answer = client.request(**request | {"headers": request["headers"] | admin})
            if 503 not in example.operation.responses:
                assert answer.status_code < 500, example
                continue
            assert answer.status_code == 503, (example, answer.text)
            assert answer.json()["type"] == "/problems/unavailable"
            assert int(answer.headers["Retry-After"]) > 0
            assert "Traceback" not in answer.text


def test_liveness_stays_and_readiness_goes_and_comes_back(serve: Serve, served: Database) -> None:
    client = serve(served)
    assert client.get("/health/ready").json()["dependencies"]["database"] == "ok"
    with away(served):
        assert client.get("/health/live").json() == {"status": "ok"}
        unready = client.get("/health/ready")
        assert unready.status_code == 503
        assert unready.json()["dependencies"]["database"] == "failed"
    # At once, unless the outage was so long that sessions may have ended unknown.
    wait_until_ready(client)


def wait_until_ready(client: Client) -> None:
    give_up = time.monotonic() + PATIENCE
    while (ready := client.get("/health/ready")).status_code != 200:
        assert time.monotonic() < give_up, ready.text
    assert ready.json()["status"] == "ok"


def test_a_process_that_starts_without_the_database_begins_when_it_is_there(
    serve: Serve, sign_in: SignIn, served: Database
) -> None:
    admin = sign_in("admin")
    with away(served):
        client = serve(served)
        assert client.get("/health/live").status_code == 200
        ready = client.get("/health/ready")
        assert (ready.status_code, ready.json()["dependencies"]["database"]) == (503, "failed")
        login = client.post("/login", json={"username": "ada", "password": "x" * 15})
        for answer in (client.get("/items", headers=admin), login):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    wait_until_ready(client)
    assert client.get("/items", headers=admin).status_code == 200


def test_a_database_that_comes_back_with_another_schema_is_not_used(
    serve: Serve, sign_in: SignIn, served: Database
) -> None:
    admin = sign_in("admin")
    with away(served):
        client = serve(served)
    with served.work() as work:
        before = migrate.current(work.connection)
        work.connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    with structlog.testing.capture_logs() as logs:
        give_up = time.monotonic() + PATIENCE
        while not any("run `stockroom migrate`" in str(entry) for entry in logs):
            assert time.monotonic() < give_up, logs
            time.sleep(0.05)
    assert client.get("/health/ready").json()["dependencies"]["database"] == "failed"
    assert client.get("/items", headers=admin).status_code == 503
    with served.work() as work:
        work.connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": before})
    wait_until_ready(client)
    assert client.get("/items", headers=admin).status_code == 200


def test_work_goes_on_when_the_database_is_back(serve: Serve, sign_in: SignIn, served: Database) -> None:
    client, admin = serve(served), sign_in("admin")
    item = {"sku": "A1", "name": "Axe"}
    with away(served):
        for _ in range(30):  # More than there are connections: none may be lost.
            assert client.post("/items", headers=admin, json=item).status_code == 503
    assert client.post("/items", headers=admin, json=item).status_code == 201
    assert client.get("/items/A1", headers=admin).status_code == 200


def test_without_redis_requests_go_on_and_limits_are_counted_in_the_process(
    serve: Serve, sign_in: SignIn
) -> None:
    client, admin = serve(redis_url=NOBODY), sign_in("admin")
    first, second = (client.get("/summary", headers=admin) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.headers["RateLimit"].startswith('"default";r=598;')
    assert client.post("/items", headers=admin, json={"sku": "A1", "name": "Axe"}).status_code == 201
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["dependencies"]["redis"]) == (200, "failed")
    # Other names each time: attempts at one are counted apart.
    wrong = ({"username": f"ada-{number}", "password": "wrong"} for number in range(6))
    answers = [client.post("/login", json=credentials).status_code for credentials in wrong]
    assert answers == [401] * 5 + [429]


def test_without_the_broker_work_is_taken_in(serve: Serve, sign_in: SignIn) -> None:
    client, admin = serve(broker_url=NOBODY), sign_in("admin")
    headers = admin | {"Content-Type": "text/csv"}
    answer = client.post("/imports?kind=items", headers=headers, content=b"sku,name\nA1,Axe\n")
    assert answer.status_code == 202
    assert client.get(answer.headers["Location"], headers=admin).json()["state"] == "queued"
    assert client.get("/health/ready").json()["dependencies"]["broker"] == "failed"
