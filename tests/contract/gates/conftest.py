"""One service for all worlds on each database, which is emptied before each."""

import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.domain.accounts import ROLE_SCOPES
from stockroom.security.revocations import Revocations
from stockroom.security.tokens import Tokens
from stockroom.settings import Settings
from stockroom.storage.engines import Database, open_database
from stockroom.storage.tables import users
from tests.contract.conftest import new_token
from tests.contract.gates.prove_limits import USERS, Limited, lowered
from tests.contract.gates.world import World
from tests.service import KEY, CheckedClient


@dataclass(frozen=True)
class Home:
    """A service that counts requests and limits none."""

    client: CheckedClient
    database: Database

    def admin(self, name: str) -> None:
        """Make an administrator who has no password."""
        account = {"username": name, "email": "nobody@example.com", "password_hash": "-", "role": "admin"}
        with self.database.work() as work:
            work.connection.execute(users.insert(), account | {"disabled": False, "created_at": work.now})

    def world(self, contract: Contract) -> World:
        """Its database must be empty; gets an administrator."""
        self.admin("keeper")
        return World(contract, self.client, {"Authorization": f"Bearer {new_token('keeper')}"})


@pytest.fixture(scope="session")
def _new_home(
    tmp_path_factory: pytest.TempPathFactory, contract: Contract, conformance: Conformance
) -> Iterator[Callable[[str], Home]]:
    clients = []

    def new_home(url: str, runs: Contract = contract, **changes: Any) -> Home:
        database = open_database(url, connections=20)
        data = tmp_path_factory.mktemp("home") / "var"
        values = {"data_dir": data, "database_url": url, "jwt_key": KEY, "rate_limits": "report"}
        settings = Settings(_env_file=None, **(values | changes))
        client = CheckedClient(create_app(settings, contract=runs, database=database), conformance)
        clients.append(client.__enter__())
        return Home(client, database)

    yield new_home
    for client in clients:
        client.__exit__()


@pytest.fixture(scope="session")
def _new_sqlite(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    def new_sqlite() -> str:
        return (
            f"sqlite:///{shutil.copy(_sqlite_template, tmp_path_factory.mktemp('sqlite') / 'stockroom.db')}"
        )

    return new_sqlite


@pytest.fixture(scope="session")
def _sqlite_home(_new_home: Any, _new_sqlite: Any) -> Home:
    home: Home = _new_home(_new_sqlite())
    return home


@pytest.fixture(scope="session")
def _postgresql_home(_new_home: Any, _postgresql_session: tuple[str, Any]) -> Home:
    home: Home = _new_home(_postgresql_session[0])
    return home


@pytest.fixture
def sqlite_world(_sqlite_home: Home, _sqlite_template: Path, contract: Contract) -> World:
    file = _sqlite_home.database.writes.url.database
    # Past the service's connections, as one transaction: to start it anew takes ten times as long.
    with closing(sqlite3.connect(_sqlite_template)) as empty, closing(sqlite3.connect(str(file))) as present:
        empty.backup(present)
    return _sqlite_home.world(contract)


@pytest.fixture
def postgresql_world(_postgresql_home: Home, _postgresql_url: str, contract: Contract) -> World:
    return _postgresql_home.world(contract)


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest) -> World:
    """A world of the test's own, in which nothing has happened."""
    world: World = request.getfixturevalue(f"{request.param}_world")
    return world


@pytest.fixture(scope="session")
def _limiting(_new_home: Any, _new_sqlite: Any, contract: Contract) -> Home:
    home: Home = _new_home(_new_sqlite(), lowered(contract), rate_limits="enforce", trusted_proxies=1)
    return home


@pytest.fixture
def limited(_limiting: Home, contract: Contract) -> Callable[..., Limited]:
    """Make the proof of an operation's limit, with callers of its own."""
    run, tokens, told = uuid.uuid4().hex, Tokens(KEY.encode(), Revocations()), lowered(contract)
    for user in USERS:
        _limiting.admin(f"{user}-{run}")

    def caller(user: str, address: str, scopes: Iterable[str] | None) -> dict[str, str]:
        allowed = ROLE_SCOPES["admin"] if scopes is None else frozenset(scopes)
        token = tokens.issue(f"{user}-{run}", str(uuid.uuid4()), allowed, datetime.now(UTC))
        return {"X-Forwarded-For": f"{address}-{run}", "Authorization": f"Bearer {token}"}

    def limited(operation_id: str) -> Limited:
        return Limited(told, _limiting.client, caller, told.operations[operation_id])

    return limited
