"""A service that has done some of everything, once for each database."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from stockroom.audit.actions import audit
from stockroom.audit.model import Finding
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from stockroom.db.files import FileStore
from stockroom.settings import Settings
from tests.audit.planting import planted
from tests.audit.workload import fill
from tests.contract.gates.home import Home
from tests.service import KEY, CheckedClient

NewPostgresql = Callable[..., AbstractContextManager[str]]


@dataclass(frozen=True)
class Stockroom:
    """What a service has left behind: its database, and the folder of its files."""

    database: Database
    folder: Path

    def audit(self, *faults: str, unchecked: bool = False, **options: Any) -> list[Finding]:
        """What an audit finds, once the statements of `faults` were run, which are taken back afterwards."""
        files = FileStore(self.folder.as_uri())
        if not faults:
            return list(audit(self.database, files, **options))
        with planted(self.database, *faults, unchecked=unchecked) as database:
            return list(audit(database, files, **options))


@pytest.fixture(scope="session")
def _work(
    tmp_path_factory: pytest.TempPathFactory, contract: Contract, conformance: Conformance
) -> Callable[[str], Stockroom]:
    def work(url: str) -> Stockroom:
        """Run a service on an empty database, and have it do some of everything."""
        migrate.upgrade(url)
        database = open_database(url, connections=4)
        data = tmp_path_factory.mktemp("worked")
        values = {"data_dir": data, "database_url": url, "jwt_key": KEY, "rate_limits": "report"}
        settings = Settings(_env_file=None, **values)
        app = create_app(settings, contract=contract, database=database)
        with CheckedClient(app, conformance) as client:
            fill(Home(client, database, settings))
        return Stockroom(database, data / "files")

    return work


@pytest.fixture(scope="session")
def sqlite_stockroom(
    _work: Callable[[str], Stockroom], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stockroom]:
    worked = _work(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'stockroom.db'}")
    yield worked
    worked.database.dispose()


@pytest.fixture(scope="session")
def postgresql_stockroom(
    _work: Callable[[str], Stockroom], new_postgresql: NewPostgresql
) -> Iterator[Stockroom]:
    with new_postgresql() as url:
        worked = _work(url)
        yield worked
        worked.database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def stockroom(request: pytest.FixtureRequest, tmp_path: Path) -> Stockroom:
    """What a service that has done some of everything has left behind; its files are the test's own."""
    worked: Stockroom = request.getfixturevalue(f"{request.param}_stockroom")
    return Stockroom(worked.database, shutil.copytree(worked.folder, tmp_path / "files"))
