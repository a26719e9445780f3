"""A database file that is damaged: what is said of it, and that nobody goes on as if it were whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from structlog.typing import EventDict

from stockroom.activities.activities import Activities
from stockroom.db.damage import Damaged
from stockroom.db.database import Database
from stockroom.db.postgresql_errors import translated
from stockroom.settings import Settings
from tasks import start
from tests.damaging import GARBAGE, damage

Client = Any
Headers = dict[str, str]
Configure = Callable[..., Settings]


@pytest.fixture
def database_url(_sqlite_url: str) -> str:
    return _sqlite_url


@pytest.fixture
def file(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


@pytest.fixture
def admin(sign_in: Callable[..., Headers], database: Database) -> Headers:
    headers = sign_in("admin")
    database.dispose()
    return headers


def test_what_meets_a_damaged_page_is_503_told_of_and_the_process_is_not_ready(
    file: Path, admin: Headers, serve: Callable[..., Client], logged: list[EventDict]
) -> None:
    damage(file, "items")
    client = serve(rate_limits="report")
    assert client.get("/health/ready").status_code == 200
    answer = client.get("/items", headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable"), answer.text
    assert "Retry-After" in answer.headers
    assert client.post("/items", headers=admin, json={"sku": "A1", "name": "Axe"}).status_code == 503
    told = next(line for line in logged if line["event"] == "database.damaged")
    assert (told["log_level"], told["error"]) == ("error", "database disk image is malformed")
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["dependencies"]["database"]) == (503, "failed")
    assert client.get("/health/live").status_code == 200
    # What does not meet it goes on.
    assert client.get("/locations", headers=admin).status_code == 200


def test_a_file_that_is_no_database_any_more_is_not_started_with(
    file: Path, serve: Callable[..., Client], configure: Configure
) -> None:
    with file.open("r+b") as written:
        written.write(GARBAGE[:100])
    before = file.read_bytes()
    with pytest.raises(RuntimeError, match=r"the database is damaged: file is not a database.* Restore"):
        serve()
    with structlog.testing.capture_logs() as lines, pytest.raises(SystemExit):
        start.await_database(configure(), Activities())
    assert [line["event"] for line in lines] == ["start.refused"]
    assert file.read_bytes() == before


def test_damage_that_postgresql_finds_is_damage_too() -> None:
    assert isinstance(translated(asyncpg.DataCorruptedError("invalid page"), ""), Damaged)
    assert isinstance(translated(asyncpg.IndexCorruptedError("index is broken"), ""), Damaged)
