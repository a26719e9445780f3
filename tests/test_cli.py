"""The command line: what people type before and around running the service."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stockroom.accounts.queries import find
from stockroom.cli import main
from stockroom.db.database import open_database
from stockroom.settings import Settings
from tests.freezing import read_only
from tests.processes import _free_port

pytestmark = pytest.mark.usefixtures("bare_environment")

PASSWORD = "parsley under the bridge"


def stockroom(*arguments: str, **options: str) -> Result:
    return CliRunner().invoke(main, arguments, **options)


def test_check_lists_every_setting_and_says_what_to_do_next():
    result = stockroom("check")
    assert result.exit_code == 1
    for field in Settings.model_fields:
        assert f"STOCKROOM_{field.upper()} " in result.output
    assert "stockroom migrate" in result.output
    assert not Path("var").exists()


def test_check_is_content_once_the_database_is_migrated():
    assert stockroom("migrate").exit_code == 0
    result = stockroom("check")
    assert result.exit_code == 0
    assert "Database: reachable, at revision" in result.output


def test_check_says_who_may_register(monkeypatch: pytest.MonkeyPatch):
    assert "Registration: open to whoever reaches the service; new accounts have the role clerk." in (
        stockroom("check").output
    )
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", "postgresql://user:hush@127.0.0.1:1/name")
    assert "Registration: closed; `stockroom create-admin` makes administrators." in (
        stockroom("check").output
    )


def test_check_tells_of_a_database_that_does_not_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", "postgresql://user:hush@127.0.0.1:1/name")
    result = stockroom("check")
    assert result.exit_code == 1
    assert "not reachable: " in result.output
    assert "Traceback" not in result.output
    assert "hush" not in result.output


@pytest.fixture
def postgresql_url(_postgresql_url: str) -> str:
    return _postgresql_url


def test_check_tells_of_more_connections_than_the_server_gives(
    monkeypatch: pytest.MonkeyPatch, postgresql_url: str
):
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", postgresql_url.replace("+asyncpg", ""))
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    assert "STOCKROOM_DATABASE_CONNECTIONS" not in stockroom("check").stderr
    monkeypatch.setenv("STOCKROOM_WEB_WORKERS", "64")
    monkeypatch.setenv("STOCKROOM_DATABASE_CONNECTIONS", "1000")
    result = stockroom("check")
    assert result.exit_code == 0
    assert "Warning: The API may want 64000 connections" in result.stderr


@pytest.mark.parametrize(
    ("most", "worker"), [("8", 6 + 1000 * 16), ("24", 6 + 1000 * 21), ("100", 6 + 1000 * 21)]
)
def test_check_counts_what_the_processes_of_a_worker_may_want(
    most: str, worker: int, monkeypatch: pytest.MonkeyPatch, postgresql_url: str
):
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", postgresql_url)
    monkeypatch.setenv("STOCKROOM_DATABASE_CONNECTIONS", most)
    monkeypatch.setattr("os.cpu_count", lambda: 1000)
    told = stockroom("check").stderr
    assert f"The API may want {most} connections" in told
    assert f"a worker with a process for each of 1000 cores {worker}, and PostgreSQL gives" in told


def test_check_compares_connections_before_there_is_a_table(
    monkeypatch: pytest.MonkeyPatch, new_postgresql: Callable[..., AbstractContextManager[str]]
):
    monkeypatch.setenv("STOCKROOM_WEB_WORKERS", "64")
    monkeypatch.setenv("STOCKROOM_DATABASE_CONNECTIONS", "1000")
    with new_postgresql() as url:
        monkeypatch.setenv("STOCKROOM_DATABASE_URL", url)
        result = stockroom("check")
    assert result.exit_code == 1
    assert "run `stockroom migrate`" in result.output
    assert "Warning: The API may want 64000 connections" in result.stderr


def test_check_warns_of_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_PROT", "8001")
    assert "Warning: STOCKROOM_PROT" in stockroom("check").stderr


@pytest.mark.parametrize("command", ["run", "migrate", "check", "create-admin"])
def test_a_bad_setting_is_one_line_and_no_traceback(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_PORT", "eighty")
    result = stockroom(command, input="boss\nboss@example.org\n")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: STOCKROOM_PORT: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["run", "migrate", "check"])
@pytest.mark.parametrize(
    "given", ["user:hush:@host:shhh", "user:hush@shhh@127.0.0.1:1/name", "user:hush/shhh"]
)
def test_a_password_that_was_not_escaped_is_not_told(
    command: str, given: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", f"postgresql://{given}")
    result = stockroom(command)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert result.output.startswith("Error: STOCKROOM_DATABASE_URL: ")
    assert "hush" not in result.output
    assert "shhh" not in result.output


def test_a_database_that_cannot_be_migrated_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", "postgresql://user:hush@127.0.0.1:1/name")
    result = stockroom("migrate")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The database cannot be migrated: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["migrate", "run", "check"])
def test_a_database_of_a_newer_version_is_left_as_it_is_and_told_of(command: str):
    stockroom("migrate")
    with sqlite3.connect("var/stockroom.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    result = stockroom(command)
    assert result.exit_code == 1
    told = result.output.splitlines()[-1]
    assert "at revision 9999, which belongs to a newer version of Stockroom" in told
    assert "Nothing was done" in told
    assert "stockroom migrate" not in told


@pytest.mark.parametrize("command", ["migrate", "run", "check"])
def test_a_database_that_has_lost_all_it_had_is_not_taken_for_a_new_one(command: str):
    stockroom("migrate")
    Path("var/jwt.key").write_text("there was a service once")
    Path("var/stockroom.db").write_bytes(b"")
    result = stockroom(command)
    assert result.exit_code == 1
    assert "stockroom.db has 0 bytes" in result.output.splitlines()[-1]
    assert Path("var/stockroom.db").stat().st_size == 0
    # Whoever wants to begin anew says so.
    Path("var/stockroom.db").unlink()
    assert stockroom("migrate").exit_code == 0


def test_an_empty_file_where_nothing_was_before_becomes_a_database():
    Path("var").mkdir(mode=0o700)
    Path("var/stockroom.db").touch(mode=0o600)
    assert stockroom("migrate").exit_code == 0


@pytest.mark.parametrize("variable", ["STOCKROOM_PORT", "STOCKROOM_METRICS_PORT"])
def test_a_port_in_use_is_told_before_anything_starts(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_PORT", str(_free_port()))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv(variable, str(port))
        result = stockroom("run")
    assert result.exit_code == 1
    assert (
        result.output
        == f"Error: Cannot listen on 127.0.0.1, port {port} ({variable}): Address already in use.\n"
    )


def test_a_data_folder_that_cannot_be_made_is_told(monkeypatch: pytest.MonkeyPatch):
    Path("file").touch()
    monkeypatch.setenv("STOCKROOM_DATA_DIR", "file/below")
    result = stockroom("run")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: STOCKROOM_DATA_DIR: cannot write")


ACTING = "\x1b[2J\x9b31m\x7f\u202e"


def test_what_is_set_does_nothing_to_the_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_HOST", f"{ACTING}host")
    monkeypatch.setenv("STOCKROOM_REDIS_URL", f"redis://{ACTING}\n/")
    monkeypatch.setenv(f"STOCKROOM_{ACTING}", "1")
    shown = stockroom("check").output
    assert "\\x1b[2J\\x9b31m\\x7f\\u202ehost" in shown
    assert not set(ACTING) - set("[2J31m") & set(shown)


def test_what_is_wrong_does_nothing_to_the_terminal(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", f"postgresql://host/name?{ACTING}=1")
    result = stockroom("check")
    assert result.stderr.startswith("Error: STOCKROOM_DATABASE_URL: ")
    assert "\\x1b" in result.stderr
    assert not set(ACTING) - set("[2J31m") & set(result.stderr)


def test_an_error_that_nobody_expects_does_nothing_to_the_terminal():
    program = (
        "import stockroom.cli as cli\n"
        f"def fail(): raise Exception({ACTING!a})\n"
        "cli.read_settings = fail\n"
        "cli.main(['check'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=False, env=environment()
    )
    told = done.stderr.decode()
    assert "Exception: \\x1b" in told
    assert not set(ACTING) - set("[2J31m") & set(told)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


def test_create_admin_makes_an_admin_from_what_is_typed():
    stockroom("migrate")
    result = stockroom("create-admin", input=f"boss\nboss@example.org\n{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    assert role_of("boss") == "admin"


def test_create_admin_takes_the_password_from_a_pipe():
    stockroom("migrate")
    arguments = ("create-admin", "--username", "boss", "--email", "boss@example.org", "--password-stdin")
    assert stockroom(*arguments, input=f"{PASSWORD}\n").exit_code == 0
    assert role_of("boss") == "admin"


def test_create_admin_passes_on_why_it_is_refused():
    stockroom("migrate")
    arguments = ("create-admin", "--username", "boss", "--email", "boss@example.org", "--password-stdin")
    result = stockroom(*arguments, input="short\n")
    assert result.exit_code == 1
    assert result.stderr == "Error: The password must have 15 to 128 characters.\n"
    assert role_of("boss") is None


def test_create_admin_needs_a_migrated_database():
    result = stockroom("create-admin", "--username", "boss", "--email", "boss@example.org")
    assert result.exit_code == 1
    assert "stockroom migrate" in result.stderr


def role_of(username: str) -> str | None:
    database = open_database(Settings().database_url, connections=1)
    with database.connect() as reader:
        credentials = find(reader, username)
    database.dispose()
    return credentials.account.role if credentials else None


def test_check_tells_of_a_signing_key_that_cannot_be_used():
    assert stockroom("migrate").exit_code == 0
    Path("var/jwt.key").write_text("cut")
    result = stockroom("check")
    assert result.exit_code == 1
    assert "var/jwt.key holds less than 32 bytes; remove it for a new key" in result.stderr
    assert Path("var/jwt.key").read_text() == "cut"


def test_check_tells_of_a_database_that_can_only_be_read(
    monkeypatch: pytest.MonkeyPatch, new_postgresql: Callable[..., AbstractContextManager[str]]
):
    with new_postgresql() as url:
        monkeypatch.setenv("STOCKROOM_DATABASE_URL", url.replace("+asyncpg", ""))
        assert stockroom("migrate").exit_code == 0
        assert stockroom("check").exit_code == 0
        with read_only(url):
            result = stockroom("check")
            assert "Database: read-only: transactions of this server or database are" in result.output
            assert result.exit_code == 1
            # There is nothing to migrate, and an audit writes nothing.
            assert stockroom("migrate").exit_code == 0
            assert stockroom("audit").exit_code == 0
