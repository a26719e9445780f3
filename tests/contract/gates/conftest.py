"""One service for all worlds on each database, which is emptied before each."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.settings import Settings
from stockroom.storage.engines import Database, open_database
from stockroom.storage.tables import users
from tests.contract.conftest import new_token
from tests.contract.gates.world import World
from tests.service import KEY, CheckedClient


@dataclass(frozen=True)
class Home:
    """A service that counts requests and limits none."""

    client: CheckedClient
    database: Database

    def world(self, contract: Contract, keeper: str = "keeper") -> World:
        """Its database must be empty; gets an administrator."""
        account = {
            "username": keeper,
            "email": f"{keeper}@example.com",
            "password_hash": "-",
            "role": "admin",
        }
        with self.database.work() as work:
            work.connection.execute(users.insert(), account | {"disabled": False, "created_at": work.now})
        return World(contract, self.client, {"Authorization": f"Bearer {new_token(keeper)}"})


@pytest.fixture(scope="session")
def _new_home(
    tmp_path_factory: pytest.TempPathFactory, contract: Contract, conformance: Conformance
) -> Iterator[Callable[[str], Home]]:
    clients = []

    def new_home(url: str) -> Home:
        database = open_database(url, connections=20)
        data = tmp_path_factory.mktemp("home") / "var"
        settings = Settings(
            _env_file=None, data_dir=data, database_url=url, jwt_key=KEY, rate_limits="report"
        )
        client = CheckedClient(create_app(settings, contract=contract, database=database), conformance)
        clients.append(client.__enter__())
        return Home(client, database)

    yield new_home
    for client in clients:
        client.__exit__()


@pytest.fixture(scope="session")
def _sqlite_home(_new_home: Any, _sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    file = shutil.copy(_sqlite_template, tmp_path_factory.mktemp("home") / "stockroom.db")
    home: Home = _new_home(f"sqlite:///{file}")
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
