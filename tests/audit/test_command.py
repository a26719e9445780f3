"""`stockroom audit` as an operator types it, with real settings and databases."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from stockroom.audit.actions import checks
from stockroom.cli import main
from tests.onlooker import onlooker

pytestmark = pytest.mark.usefixtures("bare_environment")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A migrated database, which the settings name."""
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", database_url)
    return database_url


def add_user(url: str, failures: int = 1) -> None:
    with onlooker(url).connect() as connection:
        connection.execute(sa.text(f"INSERT INTO login_attempts VALUES ('ann', '', 0, {failures})"))


def test_it_tells_each_check_and_that_everything_holds(url: str):
    add_user(url)
    result = run()
    assert result.exit_code == 0, result.output
    *told, last = result.output.splitlines()
    names = [check.name for check in checks("sqlite" if url.startswith("sqlite") else "postgresql")]
    assert [line.split()[1] for line in told] == names
    assert all(line.startswith("ok ") for line in told)
    assert last.startswith(f"{len(names)} checks of ")
    assert last.endswith(" rows: everything holds.")
    # It looks, and makes nothing.
    assert not Path("var").exists()


def test_it_exits_with_1_and_tells_what_does_not_hold(url: str):
    add_user(url, -1)
    result = run()
    assert result.exit_code == 1
    assert "BROKEN  attempts-are-counted" in result.output
    assert "        - ann has -1 wrong passwords\n" in result.output
    assert result.output.endswith(": 1 violation of attempts-are-counted.\n")


def test_it_tells_machines_in_json(url: str):
    add_user(url, -1)
    result = run("--json", "--listed", "0")
    told = json.loads(result.stdout)
    assert result.exit_code == told["outcome"] == 1
    (broken,) = [check for check in told["checks"] if check["violations"]]
    assert broken == {
        "name": "attempts-are-counted",
        "promise": "No count of attempts at a password has fewer wrong ones than none.",
        "rows": 1,
        "violations": 1,
        "listed": [],
        "fault": None,
    }


def test_it_exits_with_2_where_a_check_cannot_be_made():
    CliRunner().invoke(main, ["migrate"])
    with closing(sqlite3.connect("var/stockroom.db")) as connection:
        connection.execute("DROP TABLE login_attempts")
    result = run()
    assert result.exit_code == 2
    assert "UNKNOWN attempts-are-counted" in result.output
    assert "could not be checked: " in result.output
    assert result.output.endswith(" rows: not checked: attempts-are-counted.\n")


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("STOCKROOM_PORT", "eighty", "Error: STOCKROOM_PORT: "),
        ("STOCKROOM_DATABASE_URL", "postgresql://user:hush@127.0.0.1:1/name", "Error: The database is not"),
        ("STOCKROOM_DATA_DIR", "empty", "Error: The database is not there yet"),
    ],
)
def test_it_exits_with_2_where_nothing_can_be_checked(
    variable: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(variable, value)
    result = run("--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(said)
    assert "hush" not in result.stderr
