"""`stockroom backup`: whole or not at all, whatever happens meanwhile, and never over what is there."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from stockroom.backup import programs
from stockroom.backup.taking import back_up
from stockroom.db import migrate
from stockroom.db.files import FileStore
from stockroom.work.actions import discard
from tests.backup.conftest import COMMAND

Origin = Any
Installation = Any

on_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


def test_it_holds_database_files_and_key_for_the_owner_alone(origin: Origin, taken: Path):
    database = "stockroom.db" if origin.is_embedded else "stockroom.dump"
    upload = f"{origin.waiting.id}.csv"
    found = {str(path.relative_to(taken)): path.stat().st_mode & 0o777 for path in taken.rglob("*")}
    assert found == {
        "files": 0o700,
        f"files/{upload}": 0o600,
        "jwt.key": 0o600,
        "manifest.json": 0o600,
        database: 0o600,
    }
    assert taken.stat().st_mode & 0o777 == 0o700
    manifest = json.loads((taken / "manifest.json").read_text())
    assert manifest["revision"] == migrate.head()
    assert {part["name"] for part in manifest["parts"]} == {f"files/{upload}", "jwt.key", database}


def test_it_says_what_it_has_made(origin: Origin, tmp_path: Path):
    folder = tmp_path / "said"
    result = origin.run("backup", folder)
    assert re.fullmatch(
        rf"{folder} has the database of \S+Z, at revision {migrate.head()}, 1 files and the signing key, "
        r"[0-9,]+ bytes in all\.\n",
        result.output,
    )


@on_sqlite
def test_a_key_that_a_setting_has_is_not_in_it(origin: Origin, tmp_path: Path):
    result = origin.run("backup", tmp_path / "keyless", STOCKROOM_JWT_KEY="k" * 40)
    assert " and no signing key" in result.output
    assert not (tmp_path / "keyless" / "jwt.key").exists()


@on_sqlite
@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_what_is_there_already_is_never_touched(origin: Origin, tmp_path: Path, there: str):
    target = tmp_path / "target"
    if there == "file":
        target.write_text("mine")
    elif there == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    before = sorted(tmp_path.rglob("*"))
    result = origin.run("backup", target)
    assert (result.exit_code, result.output) == (
        1,
        f"Error: There is {target} already; give a name that is free.\n",
    )
    assert sorted(tmp_path.rglob("*")) == before


@on_sqlite
def test_there_must_be_a_folder_for_it(origin: Origin, tmp_path: Path):
    result = origin.run("backup", tmp_path / "no" / "where")
    assert (result.exit_code, result.output) == (1, f"Error: There is no folder {tmp_path / 'no'}.\n")


def test_a_database_that_is_not_there_is_not_made(elsewhere: Installation, tmp_path: Path):
    result = elsewhere.run("backup", tmp_path / "target")
    assert result.exit_code == 1
    assert "There is no database" in result.output or "never migrated" in result.output
    assert elsewhere.names() == []
    assert not (tmp_path / "target").exists()


@on_sqlite
def test_a_database_of_a_later_version_is_left_to_that_version(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("stockroom.db.migrate.head", lambda: "0001")
    result = origin.run("backup", tmp_path / "target")
    assert result.exit_code == 1
    assert "which this version does not know" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["origin"]


@on_sqlite
def test_a_file_that_is_lost_is_told_of(origin: Origin, tmp_path: Path):
    name = f"{origin.waiting.id}.csv"
    (origin.data / "files" / name).unlink()
    result = origin.run("backup", tmp_path / "target")
    assert result.exit_code == 0
    assert result.stderr == f"Warning: a task needs the file {name}, which is not there.\n"


def test_an_import_that_ends_meanwhile_has_ended_in_the_backup_too(
    origin: Origin, elsewhere: Installation, tmp_path: Path
):
    class Meanwhile(FileStore):
        """The import ends, and its file is deleted, just before the file would have been copied."""

        def open(self, name: str) -> BinaryIO:
            if origin.desk.stored():
                lease = origin.desk.claim(origin.waiting)
                assert origin.desk.do(lease)
                discard(origin.desk.files, lease.source)
            return super().open(name)

    files = Meanwhile((origin.data / "files").as_uri())
    taken = back_up(origin.desk.database, files, key=None, target=tmp_path / "backup")
    assert taken.lost == ()
    assert [part for part in taken.manifest.parts if part.name.startswith("files/")] == []
    assert elsewhere.run("restore", tmp_path / "backup").exit_code == 0
    assert elsewhere.run("audit").exit_code == 0


@on_sqlite
def test_an_import_that_begins_meanwhile_is_in_neither_part(origin: Origin, tmp_path: Path):
    class Meanwhile(FileStore):
        begun = False

        def open(self, name: str) -> BinaryIO:
            if not self.begun:
                self.begun = True
                origin.desk.begin(b"sku,name\nAXE,Axe\n")
            return super().open(name)

    files = Meanwhile((origin.data / "files").as_uri())
    taken = back_up(origin.desk.database, files, key=None, target=tmp_path / "backup")
    assert [part.name for part in taken.manifest.files] == [f"files/{origin.waiting.id}.csv"]
    assert taken.lost == ()


@on_sqlite
def test_killed_in_the_middle_it_leaves_nothing_under_its_name(origin: Origin, tmp_path: Path):
    upload = origin.data / "files" / f"{origin.waiting.id}.csv"
    content = upload.read_bytes()
    upload.unlink()
    # Who opens this waits for a writer, who does not come.
    os.mkfifo(upload)
    target = tmp_path / "backup"
    environment = os.environ | origin.environment
    process = subprocess.Popen((*COMMAND, "backup", target), cwd=tmp_path, env=environment)
    while not list(tmp_path.glob(".backup.*/files")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not target.exists()
    upload.unlink()
    upload.write_bytes(content)
    assert origin.run("backup", target).exit_code == 0


def test_without_room_it_leaves_nothing(origin: Origin, tmp_path: Path):
    told = origin.run_without_room("backup", tmp_path / "backup")
    assert told.startswith("Error: ")
    assert len(told.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["origin"]


@on_postgresql
def test_a_program_that_is_missing_is_named(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    result = origin.run("backup", tmp_path / "target")
    assert result.exit_code == 1
    assert result.output.startswith("Error: pg_dump is not installed here.")
    assert [path.name for path in tmp_path.iterdir()] == ["origin"]


@on_postgresql
def test_what_a_program_says_is_passed_on(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pg_dump").write_text("#!/bin/sh\necho 'pg_dump: error: the moon' >&2\nexit 3\n")
    (tmp_path / "pg_dump").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    result = origin.run("backup", tmp_path / "target")
    assert result.output == "Error: pg_dump has failed: pg_dump: error: the moon\n"
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("url", "variables"),
    [
        (
            "postgresql+asyncpg://ann:p%40ss@db.example.org:5433/stock?ssl=verify-full",
            {
                "PGHOST": "db.example.org",
                "PGPORT": "5433",
                "PGUSER": "ann",
                "PGPASSWORD": "p@ss",
                "PGDATABASE": "stock",
                "PGSSLMODE": "verify-full",
            },
        ),
        (
            "postgresql+asyncpg:///stock?host=/run/postgresql",
            {"PGHOST": "/run/postgresql", "PGDATABASE": "stock"},
        ),
        (
            "postgresql+asyncpg:///stock?host=a:5432&host=b:5433",
            {"PGHOST": "a,b", "PGPORT": "5432,5433", "PGDATABASE": "stock"},
        ),
    ],
)
def test_programs_are_told_in_the_environment_where_the_database_is(url: str, variables: dict[str, str]):
    assert programs.environment(url) == variables
