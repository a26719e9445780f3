"""One service for all worlds on each database, which is emptied before each."""
# ruff: noqa: E402 - the imports that follow a call say why

import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

import pytest

# What these assert is explained as it is in tests; this must be said before they are imported.
ASSERTING = ("world", "prove_limits", "prove_reads", "prove_variants", "prove_writes")
pytest.register_assert_rewrite(*(f"tests.contract.gates.{name}" for name in ASSERTING))

from app import create_app
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.db.database import Database, open_database
from stockroom.settings import Settings
from tests.contract.gates.home import Home
from tests.contract.gates.prove_limits import Limited, lowered
from tests.contract.gates.prove_reads import Cached
from tests.contract.gates.world import World
from tests.service import KEY, CheckedClient

CONNECTIONS = 1
"""The service does each thing that it does with one connection at a time; it waits for another in vain."""

OpenHome = Callable[..., AbstractContextManager[Home]]
NewHome = Callable[..., Home]


@pytest.fixture(scope="session")
def _open_home(
    tmp_path_factory: pytest.TempPathFactory, contract: Contract, conformance: Conformance
) -> OpenHome:
    @contextmanager
    def open_home(url: str, runs: Contract = contract, **changes: Any) -> Iterator[Home]:
        """Run a service that counts requests and, unless asked to, limits none."""
        database, own = open_database(url, connections=20), open_database(url, connections=CONNECTIONS)
        data = tmp_path_factory.mktemp("home") / "var"
        values = {"data_dir": data, "database_url": url, "jwt_key": KEY, "rate_limits": "report"}
        values["registration"] = "open"
        settings = Settings(_env_file=None, **(values | changes))
        with CheckedClient(create_app(settings, contract=runs, database=own), conformance) as client:
            yield Home(client, database, settings)
        database.dispose()

    return open_home


@pytest.fixture
def new_home(_open_home: OpenHome) -> Iterator[NewHome]:
    """Run a service for the test alone."""
    with ExitStack() as stack:
        yield lambda *args, **changes: stack.enter_context(_open_home(*args, **changes))


@pytest.fixture(scope="session")
def new_sqlite(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Make an empty, migrated database and get its URL."""

    def new_sqlite() -> str:
        return (
            f"sqlite:///{shutil.copy(_sqlite_template, tmp_path_factory.mktemp('sqlite') / 'stockroom.db')}"
        )

    return new_sqlite


@pytest.fixture(scope="session")
def _sqlite_home(_open_home: OpenHome, new_sqlite: Callable[[], str]) -> Iterator[Home]:
    with _open_home(new_sqlite()) as home:
        yield home


@pytest.fixture(scope="session")
def _postgresql_home(_open_home: OpenHome, _postgresql_session: tuple[str, Any]) -> Iterator[Home]:
    with _open_home(_postgresql_session[0]) as home:
        yield home


@pytest.fixture
def sqlite_world(_sqlite_home: Home, empty: Callable[[Database], None], contract: Contract) -> World:
    empty(_sqlite_home.database)
    return World(contract, _sqlite_home)


@pytest.fixture
def postgresql_world(_postgresql_home: Home, _postgresql_url: str, contract: Contract) -> World:
    return World(contract, _postgresql_home)


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest) -> World:
    """A world of the test's own, in which nothing has happened."""
    world: World = request.getfixturevalue(f"{request.param}_world")
    return world


@pytest.fixture(scope="session")
def _limiting(_open_home: OpenHome, new_sqlite: Callable[[], str], contract: Contract) -> Iterator[Home]:
    with _open_home(new_sqlite(), lowered(contract), rate_limits="enforce", trusted_proxies=1) as home:
        yield home


@pytest.fixture
def limited(_limiting: Home, contract: Contract) -> Callable[..., Limited]:
    """Make the proof of an operation's limit, with callers of its own."""
    run, told = uuid.uuid4().hex, lowered(contract)

    def limited(operation_id: str, home: Home = _limiting) -> Limited:
        def caller(user: str, address: str, scopes: Iterable[str] | None) -> dict[str, str]:
            # An IPv6 address of that name's own, whose first half tells it from all others.
            own = IPv6Address(uuid.uuid5(uuid.NAMESPACE_DNS, f"{address}-{run}").int)
            return home.sign_in(f"{user}-{run}", scopes) | {"X-Forwarded-For": str(own)}

        return Limited(told, home.client, caller, told.operations[operation_id])

    return limited


@pytest.fixture
def cached(
    new_home: NewHome, new_sqlite: Callable[[], str], contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> Cached:
    """The proof of answers that are kept, in two services that are new."""
    passed = 0.0

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds
        monkeypatch.setattr("cachelib.simple.time", lambda: time.time() + passed)

    url = new_sqlite()
    here, elsewhere = (World(contract, new_home(url)) for _ in range(2))
    return Cached(here, elsewhere, wait)
