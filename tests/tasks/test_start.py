"""A worker begins once its database is there and migrated, and not on one of another version."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog
from starlette.testclient import TestClient

from app import create_app
from stockroom.activities import activity
from stockroom.activities.activities import Activities
from stockroom.contract.contract import Contract
from stockroom.db import migrate
from stockroom.db.database import Database
from stockroom.settings import Settings
from tasks import start
from tests.onlooker import onlooker
from tests.workers import PATIENCE, worker_process

REVISION = sa.text("UPDATE alembic_version SET version_num = :revision")


@pytest.fixture
def newer(database_url: str, configure: Callable[..., Settings]) -> Iterator[Settings]:
    """Settings of a database that a later version has migrated."""
    engine = onlooker(database_url)
    with engine.begin() as connection:
        connection.execute(REVISION, {"revision": "9999"})
    yield configure()
    # It is used by tests after this one.
    with engine.begin() as connection:
        connection.execute(REVISION, {"revision": migrate.head()})
    engine.dispose()


def refusal(settings: Settings) -> str:
    with structlog.testing.capture_logs() as lines, pytest.raises(SystemExit) as ended:
        start.await_database(settings, Activities())
    assert ended.value.code == start.REFUSED
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("start.refused", "critical")
    reason: str = line["reason"]
    return reason


def test_api_and_worker_refuse_a_database_of_a_newer_version_in_the_same_words(
    newer: Settings, contract: Contract
) -> None:
    said = refusal(newer)
    assert "the database is at revision 9999, which belongs to a newer version of Stockroom" in said
    with pytest.raises(RuntimeError) as refused, TestClient(create_app(newer, contract=contract)):
        pass
    assert str(refused.value) == said


def test_a_database_without_tables_is_refused(empty_url: str, tmp_path: Path) -> None:
    settings, file = (
        Settings(_env_file=None, data_dir=tmp_path, database_url=empty_url),
        tmp_path / "empty.db",
    )
    assert "`stockroom migrate`" in refusal(settings)
    assert not file.exists()
    file.touch()
    assert "run `stockroom migrate`" in refusal(settings)
    assert file.stat().st_size == 0


def test_the_worker_itself_ends(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    with worker_process(settings) as worker:
        assert worker.wait(PATIENCE) == start.REFUSED
    log = (tmp_path / "worker.log").read_text()
    assert '"event":"start.refused"' in log
    assert "Traceback" not in log


def test_a_database_that_is_away_is_waited_for(
    database: Database, configure: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "FIRST_WAIT", 0.0)
    tries: list[int] = []

    def away_at_first(opened: Database) -> None:
        tries.append(1)
        if len(tries) < 20:
            raise sa.exc.OperationalError("", None, ConnectionRefusedError("away"))

    monkeypatch.setattr(migrate, "require_head", away_at_first)
    activities = Activities()
    with structlog.testing.capture_logs() as lines:
        start.await_database(configure(), activities)
    assert len(tries) == 20
    assert activities.states() == {"database": "ok"}
    assert [line["event"] for line in lines] == ["activity.failed", "activity.recovered"]
