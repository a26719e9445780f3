"""Installations: one with something in it, and one elsewhere with nothing, on the same kind of database."""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stockroom.cli import main
from stockroom.db import migrate
from stockroom.db.database import Database, open_database
from stockroom.work.model import Task
from tests.import_desk import Desk
from tests.requiring import missing

NewPostgresql = Callable[..., AbstractContextManager[str]]

COMMAND = (sys.executable, "-c", "import stockroom.cli; stockroom.cli.main()")
CSV = b"sku,name\nLAMP,Lamp\n"


@dataclass(frozen=True)
class Installation:
    """Where an operator has the settings of an installation in the environment."""

    data: Path
    url: str

    @property
    def environment(self) -> dict[str, str]:
        # Not the default, where something else may run.
        own = {"STOCKROOM_DATA_DIR": str(self.data), "STOCKROOM_PORT": "1"}
        return own if self.is_embedded else own | {"STOCKROOM_DATABASE_URL": self.url}

    @property
    def is_embedded(self) -> bool:
        return self.url.startswith("sqlite:")

    @property
    def key(self) -> Path:
        return self.data / "jwt.key"

    def run(self, *arguments: object, **environment: str) -> Result:
        """What the command answers, on these settings."""
        return CliRunner().invoke(main, list(map(str, arguments)), env=self.environment | environment)

    def run_without_room(self, *arguments: object) -> str:
        """What the command says that fails in a process which can write no file of more than 20,000 bytes."""
        done = subprocess.run(
            (*COMMAND, *map(str, arguments)),
            cwd=self.data.parent,
            env=os.environ | self.environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        return done.stderr

    def open(self) -> Database:
        return open_database(self.url, connections=2)

    def names(self) -> list[str]:
        """The files in the data folder."""
        return sorted(path.name for path in self.data.rglob("*") if not path.is_dir())


@dataclass(frozen=True)
class Origin(Installation):
    """An installation with a signing key, the item LAMP, and an import that nobody has begun."""

    desk: Desk
    waiting: Task


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest, bare_environment: Path) -> str:
    kind: str = request.param
    if kind == "postgresql" and shutil.which("pg_dump") is None:
        missing("pg_dump is not installed")
    return kind


@pytest.fixture
def origin(kind: str, new_postgresql: NewPostgresql, tmp_path: Path) -> Iterator[Origin]:
    if kind == "sqlite":
        yield from _origin(f"sqlite:///{tmp_path / 'origin' / 'stockroom.db'}", tmp_path / "origin")
    else:
        with new_postgresql() as url:
            yield from _origin(url, tmp_path / "origin")


def _origin(url: str, data: Path) -> Iterator[Origin]:
    data.mkdir()
    migrate.upgrade(url)
    database = open_database(url, connections=2)
    desk = Desk(database, data)
    desk.run(CSV)
    waiting = desk.begin(CSV)
    (data / "upload").unlink()
    (data / "jwt.key").write_text("0123456789" * 4)
    yield Origin(data, url, desk, waiting)
    database.dispose()


@pytest.fixture
def elsewhere(kind: str, new_postgresql: NewPostgresql, tmp_path: Path) -> Iterator[Installation]:
    data = tmp_path / "elsewhere"
    if kind == "sqlite":
        yield Installation(data, f"sqlite:///{data / 'stockroom.db'}")
    else:
        with new_postgresql() as url:
            yield Installation(data, url)


@pytest.fixture
def taken(origin: Origin, tmp_path: Path) -> Path:
    """A backup of the origin."""
    folder = tmp_path / "backup"
    result = origin.run("backup", folder)
    assert result.exit_code == 0, result.output
    return folder
