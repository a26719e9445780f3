"""What all tests share: empty, migrated databases of each kind, and an environment without settings."""

import gc
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis
import sqlalchemy as sa
import structlog
from connexion.spec import OpenAPISpecification
from structlog.typing import EventDict

from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from stockroom.db.tables import metadata
from tests.onlooker import onlooker
from tests.requiring import missing

# `start_service` runs the API and its worker in processes of their own; `client` asks a service in this one.
pytest_plugins = [
    "tests.desk",
    "tests.disks",
    "tests.listening",
    "tests.processes",
    "tests.proxying",
    "tests.redis_server",
    "tests.service",
]

POSTGRESQL = os.environ.get("STOCKROOM_TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1/test")
"""A database from which tests make their own."""

REDIS = os.environ.get("STOCKROOM_TEST_REDIS_URL", "redis://127.0.0.1/9")

CONNECTIONS = 8
TOLD = "told"
_told: list[str] = []


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Have a line shown at the end of the run, whether the test fails or not."""
    return partial(record_property, TOLD)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        _told.extend(str(text) for name, text in report.user_properties if name == TOLD)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    # Here are the reports of all workers of xdist.
    if _told:
        terminalreporter.section("told by tests")
    for line in _told:
        terminalreporter.line(line)


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


@pytest.fixture(scope="session", autouse=True)
def _contracts_are_checked_once() -> Iterator[None]:
    """Connexion takes 0.2 s to check a contract, and hundreds of services run the same one."""
    check, valid = OpenAPISpecification._validate_spec, set()

    def check_once(spec: dict[str, Any]) -> None:
        digest = hashlib.sha256(orjson.dumps(spec, default=str)).digest()
        if digest not in valid:
            check(spec)
            valid.add(digest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OpenAPISpecification, "_validate_spec", staticmethod(check_once))
        yield


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
        engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"), pool_pre_ping=True)
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


@pytest.fixture(scope="session")
def new_postgresql() -> Callable[..., AbstractContextManager[str]]:
    """Make an empty database, or a copy of one that nobody uses; it goes when it is left."""
    return _new_postgresql


@contextmanager
def _new_postgresql(copy_of: str = "") -> Iterator[str]:
    server = onlooker(POSTGRESQL)
    name = f"stockroom_{uuid.uuid4().hex}"
    template = f"TEMPLATE {sa.make_url(copy_of).database}" if copy_of else ""
    try:
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name} {template}"))
    except sa.exc.OperationalError:
        missing("PostgreSQL cannot be reached")
    try:
        url = sa.make_url(POSTGRESQL).set(drivername="postgresql+asyncpg", database=name)
        yield url.render_as_string(hide_password=False)
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
        missing("Redis cannot be reached")
    return REDIS


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    """What is logged meanwhile, an entry a line."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory without any setting; returns the directory."""
    for name in list(os.environ):
        if name.startswith("STOCKROOM_") and not name.startswith("STOCKROOM_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path
