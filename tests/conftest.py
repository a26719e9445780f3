"""What all tests share: empty, migrated databases of each kind, and an environment without settings."""

import gc
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa
import structlog

from stockroom.storage import migrate
from stockroom.storage.engines import Database, open_database
from stockroom.storage.tables import metadata

# `start_service` runs the API and its worker in processes of their own; `client` asks a service in this one.
pytest_plugins = ["tests.listening", "tests.processes", "tests.service"]

POSTGRESQL = os.environ.get("STOCKROOM_TEST_POSTGRESQL_URL", "postgresql+psycopg://postgres@127.0.0.1/test")
"""A database from which tests make their own."""

REDIS = os.environ.get("STOCKROOM_TEST_REDIS_URL", "redis://127.0.0.1/9")

CONNECTIONS = 8


def pytest_collection_finish() -> None:
    # Thousands of tests are there until the end: searched for garbage, they take a tenth of all the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)


@pytest.fixture(scope="session", autouse=True)
def _plain_tracebacks() -> None:
    # structlog's own, with all local variables, take a minute each.
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, renderer])


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty, migrated database that is the test's own."""
    url: str = request.getfixturevalue(f"_{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty, migrated database that is the test's own: SQLite and PostgreSQL in turn."""
    opened = open_database(database_url, connections=CONNECTIONS)
    yield opened
    opened.dispose()


@pytest.fixture
def _sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(_sqlite_template, tmp_path / 'stockroom.db')}"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "stockroom.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def _postgresql_url(_postgresql_session: tuple[str, sa.Engine]) -> str:
    url, engine = _postgresql_session
    with engine.begin() as connection:
        # Without triggers, for those that keep the ledger from being emptied.
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        # Tables of a few rows take 1 ms this way, and 60 ms with TRUNCATE.
        for table in reversed(metadata.sorted_tables):
            connection.execute(sa.delete(table))
    return url


@pytest.fixture(scope="session")
def _postgresql_session() -> Iterator[tuple[str, sa.Engine]]:
    with _new_postgresql() as url:
        migrate.upgrade(url)
        # Tests may end all connections there are.
        engine = sa.create_engine(url, pool_pre_ping=True)
        yield url, engine
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database with nothing in it, not even tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        with _new_postgresql() as url:
            yield url


@contextmanager
def _new_postgresql() -> Iterator[str]:
    server = sa.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"stockroom_{uuid.uuid4().hex}"
    try:
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except sa.exc.OperationalError:
        _unavailable("PostgreSQL")
    try:
        yield sa.make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
def redis_url() -> str:
    """URL of a Redis database for tests, where they use keys of their own."""
    try:
        with redis.Redis.from_url(REDIS, socket_timeout=5) as client:
            client.ping()
    except redis.RedisError:
        _unavailable("Redis")
    return REDIS


def _unavailable(service: str) -> None:
    """Skip the test for want of a service, or fail it where all of them are required."""
    if os.environ.get("STOCKROOM_TEST_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{service} is required here and cannot be reached")
    pytest.skip(f"{service} cannot be reached")


@pytest.fixture
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory without any setting; returns the directory."""
    for name in list(os.environ):
        if name.startswith("STOCKROOM_") and not name.startswith("STOCKROOM_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
