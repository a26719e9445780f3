"""`stockroom restore`: only what is whole, and only where nothing is."""

import json
import os
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stockroom.backup import restoring
from stockroom.backup.parts import measured
from stockroom.db import migrate
from stockroom.db.database import open_database
from tests.onlooker import onlooker

Origin = Any
Installation = Any

on_sqlite = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


def database_part(installation: Installation) -> str:
    return "stockroom.db" if installation.is_embedded else "stockroom.dump"


def is_empty(installation: Installation) -> bool:
    """Whether nothing was restored."""
    if installation.names():
        return False
    if installation.is_embedded:
        return True
    with onlooker(installation.url).connect() as connection:
        return not sa.inspect(connection).get_table_names()


def test_what_was_backed_up_is_there_elsewhere(origin: Origin, taken: Path, elsewhere: Installation):
    result = elsewhere.run("restore", taken)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Restored the database of ")
    assert result.output.endswith("Z, with 1 files.\n")
    assert elsewhere.run("audit").exit_code == 0
    assert elsewhere.key.read_text() == origin.key.read_text()
    assert elsewhere.key.stat().st_mode & 0o777 == 0o600
    assert elsewhere.data.stat().st_mode & 0o777 == 0o700
    database = elsewhere.open()
    desk = copy(origin.desk)
    desk.database, desk.folder = database, elsewhere.data
    assert desk.names() == {"LAMP": "Lamp"}
    # The import goes on where it stood.
    assert desk.do(desk.claim(origin.waiting))
    database.dispose()


def test_what_is_restored_can_be_written_by_its_owner_alone(taken: Path, elsewhere: Installation):
    elsewhere.run("restore", taken)
    for path in elsewhere.data.rglob("*"):
        if path.is_file() and path.suffix not in {"-wal", "-shm"}:
            assert path.stat().st_mode & 0o077 == 0, path


@on_sqlite
def test_a_backup_of_an_earlier_version_is_to_be_migrated(elsewhere: Installation, tmp_path: Path):
    earlier = replace(elsewhere, data=tmp_path / "earlier", url=f"sqlite:///{tmp_path}/earlier/stockroom.db")
    earlier.data.mkdir()
    migrate.upgrade(earlier.url, "0008")
    assert earlier.run("backup", tmp_path / "backup").exit_code == 0
    result = elsewhere.run("restore", tmp_path / "backup")
    assert result.output.endswith("It is at revision 0008: run `stockroom migrate`.\n")
    assert elsewhere.run("migrate").exit_code == 0
    assert elsewhere.run("audit").exit_code == 0


def test_a_backup_of_a_later_version_is_refused(
    taken: Path, elsewhere: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("stockroom.db.migrate.head", lambda: "0001")
    refused(elsewhere, taken, "this one knows revisions up to 0001.")


def test_a_backup_of_the_other_kind_of_database_is_refused(taken: Path, elsewhere: Installation):
    change(taken, lambda manifest: manifest.update(other_database(manifest)))
    refused(elsewhere, taken, "and STOCKROOM_DATABASE_URL names ")


def other_database(manifest: dict[str, Any]) -> dict[str, Any]:
    kind, name = (
        ("postgresql", "stockroom.dump") if manifest["database"] == "sqlite" else ("sqlite", "stockroom.db")
    )
    return {"database": kind, "parts": [{"name": name, "bytes": 0, "sha256": "0" * 64}]}


# Damage


@on_sqlite
@pytest.mark.parametrize("damage", ["changed", "cut", "longer", "missing", "link", "pipe", "folder"])
@pytest.mark.parametrize("which", ["database", "key", "file"])
def test_a_part_that_is_not_what_was_backed_up_is_found(
    origin: Origin, taken: Path, elsewhere: Installation, which: str, damage: str
):
    names = {"database": database_part(origin), "key": "jwt.key", "file": f"files/{origin.waiting.id}.csv"}
    part = taken / names[which]
    content = part.read_bytes()
    middle = len(content) // 2
    part.unlink()
    match damage:
        case "changed":
            part.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        case "cut":
            part.write_bytes(content[:-1])
        case "longer":
            part.write_bytes(content + b"\0")
        case "link":
            (taken / "aside").write_bytes(content)
            part.symlink_to(taken / "aside")
        case "pipe":
            os.mkfifo(part)
        case "folder":
            part.mkdir()
    refused(elsewhere, taken, str(part))


@on_sqlite
@pytest.mark.parametrize(
    "name",
    [
        "../jwt.key",
        "/etc/passwd",
        "files/../../stolen",
        "files/deep/er",
        "files/.hidden",
        "files/",
        ".",
        "other.db",
        "jwt.key\n",
        "a" * 300,
        5,
    ],
)
def test_names_that_no_backup_has_are_refused(taken: Path, elsewhere: Installation, name: object):
    change(taken, lambda manifest: manifest["parts"][0].update(name=name))
    refused(elsewhere, taken, "manifest.json ")


@on_sqlite
@pytest.mark.parametrize(
    "spoil",
    [
        lambda manifest: manifest.update(format=2),
        lambda manifest: manifest.pop("parts"),
        lambda manifest: manifest.update(parts=[1]),
        lambda manifest: manifest["parts"].append(manifest["parts"][0]),
        lambda manifest: manifest["parts"][0].update(bytes=-1),
        lambda manifest: manifest["parts"][0].update(sha256="x"),
        lambda manifest: manifest.update(database="oracle"),
        lambda manifest: manifest.update(
            parts=[part for part in manifest["parts"] if not part["name"].startswith("stockroom.")]
        ),
    ],
)
def test_a_manifest_that_no_backup_has_is_refused(
    taken: Path, elsewhere: Installation, spoil: Callable[[dict[str, Any]], object]
):
    change(taken, spoil)
    refused(elsewhere, taken, "")


@on_sqlite
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"format": 1}', "\xff"])
def test_what_is_no_manifest_is_refused(taken: Path, elsewhere: Installation, text: str):
    (taken / "manifest.json").write_bytes(text.encode("latin-1"))
    refused(elsewhere, taken, "manifest.json cannot be read: ")


@on_sqlite
def test_no_more_is_read_of_a_manifest_than_any_has(
    taken: Path, elsewhere: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(restoring, "MANIFEST_BYTES", 100)
    refused(elsewhere, taken, "manifest.json is larger than any that was written.")


@on_sqlite
def test_what_is_no_backup_is_refused(elsewhere: Installation, tmp_path: Path):
    (tmp_path / "nothing").mkdir()
    refused(elsewhere, tmp_path / "nothing", "is no backup: there is no manifest.json in it.")


def test_a_database_that_is_not_sound_is_not_put(origin: Origin, taken: Path, elsewhere: Installation):
    # As the manifest has it, and yet no database.
    part = taken / database_part(origin)
    content = part.read_bytes()
    part.write_bytes(content[: len(content) // 2])
    found = measured(part, part.name)
    change(
        taken,
        lambda manifest: next(one for one in manifest["parts"] if one["name"] == part.name).update(
            bytes=found.bytes, sha256=found.sha256
        ),
    )
    refused(elsewhere, taken, "not sound" if origin.is_embedded else "pg_restore has failed: ")


@on_sqlite
def test_without_room_nothing_is_left(origin: Origin, taken: Path, elsewhere: Installation, tmp_path: Path):
    told = elsewhere.run_without_room("restore", taken)
    assert told.startswith("Error: ")
    assert len(told.splitlines()) == 1
    assert is_empty(elsewhere)
    assert elsewhere.run("restore", taken).exit_code == 0


# What is there


@pytest.mark.parametrize("name", ["stockroom.db", "jwt.key", ".hidden"])
def test_nothing_is_restored_onto_a_folder_that_holds_something(
    taken: Path, elsewhere: Installation, name: str
):
    elsewhere.data.mkdir(mode=0o700)
    there = elsewhere.data / name
    there.touch(mode=0o600)
    there.write_text("mine")
    result = elsewhere.run("restore", taken)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {elsewhere.data} is not empty: there is {name}. ")
    assert elsewhere.names() == [name]
    assert there.read_text() == "mine"


@on_sqlite
def test_a_file_system_of_its_own_is_empty(taken: Path, elsewhere: Installation):
    (elsewhere.data / "lost+found").mkdir(parents=True)
    assert elsewhere.run("restore", taken).exit_code == 0


@on_sqlite
@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_what_is_left_of_a_database_elsewhere_is_no_part_of_this_one(
    origin: Origin, taken: Path, elsewhere: Installation, tmp_path: Path, end: str
):
    left = tmp_path / f"own.db{end}"
    left.touch(mode=0o600)
    left.write_text("mine")
    result = elsewhere.run("restore", taken, STOCKROOM_DATABASE_URL=f"sqlite:///{tmp_path / 'own.db'}")
    assert result.output == f"Error: There is {left} already; nothing was restored.\n"
    assert left.read_text() == "mine"
    assert elsewhere.names() == []


def test_nothing_is_restored_into_a_store_with_files(taken: Path, elsewhere: Installation, tmp_path: Path):
    store = tmp_path / "store"
    store.mkdir(mode=0o700)
    (store / "one").touch(mode=0o600)
    result = elsewhere.run("restore", taken, STOCKROOM_FILES_URL=store.as_uri())
    assert result.output == "Error: The file store is not empty: there is one. Nothing was restored.\n"
    assert is_empty(elsewhere)


@on_postgresql
def test_nothing_is_restored_into_a_database_with_something_in_it(
    origin: Origin, taken: Path, elsewhere: Installation
):
    with onlooker(elsewhere.url).connect() as connection:
        connection.execute(sa.text("CREATE TABLE mine (id integer)"))
    result = elsewhere.run("restore", taken)
    assert (
        result.output == "Error: The database is not empty; restore into a new one. Nothing was restored.\n"
    )
    assert elsewhere.names() == []


@on_postgresql
def test_nothing_is_restored_below_a_service_that_runs(origin: Origin, taken: Path, elsewhere: Installation):
    service = open_database(elsewhere.url, connections=1)
    with service.connect() as connection:
        connection.scalar(sa.text("SELECT 1"))
        result = elsewhere.run("restore", taken)
    service.dispose()
    assert result.output == "Error: A service uses the database; stop it first. Nothing was restored.\n"
    assert is_empty(elsewhere)


def refused(installation: Installation, backup: Path, said: str) -> None:
    """Hold that the backup is refused in a line that says so, and that nothing was restored."""
    result = installation.run("restore", backup)
    assert result.exit_code == 1, result.output
    assert result.output.startswith("Error: ")
    assert len(result.output.splitlines()) == 1
    assert said in result.output
    assert is_empty(installation)


def change(backup: Path, how: Callable[[dict[str, Any]], object]) -> None:
    """Change what the manifest of a backup says."""
    path = backup / "manifest.json"
    manifest = json.loads(path.read_text())
    how(manifest)
    path.write_text(json.dumps(manifest))
