"""What is kept is its owner's alone: made so whatever the umask, put right where it was not, or told of."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from stockroom.cli import main
from stockroom.db import migrate
from stockroom.db.database import open_database
from stockroom.db.files import FileStore
from stockroom.process import data_dir
from stockroom.process.exposure import exposures
from stockroom.settings import Settings, SettingsError

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture(params=[0o000, 0o022, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """One that takes nothing away, the usual one, and one that takes something away from owners."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): mode(path) for path in [folder, *folder.rglob("*")]}


def test_all_is_made_private_whatever_the_umask(umask: int, settings: Settings) -> None:
    assert data_dir.prepare(settings) == []
    assert mode(settings.data_dir) == 0o700
    data_dir.signing_key(settings)
    assert mode(settings.key_file) == 0o600
    migrate.upgrade(settings.database_url)
    database = open_database(settings.database_url, connections=1)
    with database.work() as work:
        work.connection.execute(sa.text("CREATE TABLE t (x)"))
        # While it is in use.
        found = modes(settings.data_dir)
    database.dispose()
    assert {name for name in found if name.startswith("stockroom.db")} == {
        "stockroom.db",
        "stockroom.db-wal",
        "stockroom.db-shm",
    }
    assert {name: bits for name, bits in found.items() if bits & 0o077} == {}


def test_files_are_made_private_too(settings: Settings) -> None:
    before = os.umask(0)
    try:
        data_dir.prepare(settings)
        store = FileStore(settings.files_url)
        with store.create("one") as file:
            file.write(b"1")
        source = settings.data_dir / "upload"
        source.write_bytes(b"2")
        source.chmod(0o644)
        store.put(source, "two")
    finally:
        os.umask(before)
    assert modes(settings.data_dir / "files") == {".": 0o700, "one": 0o600, "two": 0o600}


def test_a_database_that_is_opened_before_it_is_migrated_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        database = open_database(f"sqlite:///{tmp_path / 'new.db'}", connections=1)
        with database.connect() as reader:
            assert migrate.current(reader) is None
        database.dispose()
    finally:
        os.umask(before)
    assert mode(tmp_path / "new.db") == 0o600


@pytest.fixture
def open_to_all(settings: Settings) -> Path:
    """A data folder as it was made before: for all to read."""
    data_dir.prepare(settings)
    migrate.upgrade(settings.database_url)
    data_dir.signing_key(settings)
    for name in ("stockroom.db-wal", "stockroom.db-shm"):
        (settings.data_dir / name).touch()
    for name in ("files", "broker"):
        (settings.data_dir / name).mkdir(exist_ok=True)
    for path in settings.data_dir.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    settings.data_dir.chmod(0o755)
    return settings.data_dir


def test_what_was_open_to_others_is_closed_and_told_of(open_to_all: Path, settings: Settings) -> None:
    told = data_dir.prepare(settings)
    names = {"", "broker", "files", "jwt.key"} | {f"stockroom.db{suffix}" for suffix in ("", "-wal", "-shm")}
    assert sorted(line.split(" was open to others (mode ")[0] for line in told) == sorted(
        str(open_to_all / name) for name in names
    )
    assert {line.split("(mode ")[1] for line in told} == {"0755) until now.", "0644) until now."}
    assert {name: bits for name, bits in modes(open_to_all).items() if bits & 0o077} == {}
    assert data_dir.prepare(settings) == []


@pytest.fixture
def another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs this owns nothing of what there is."""
    monkeypatch.setattr(os, "geteuid", lambda: 65_534)


def test_what_belongs_to_another_user_is_told_of_and_left_as_it_is(
    open_to_all: Path, settings: Settings, another_user: None
) -> None:
    before = modes(open_to_all)
    for _ in range(2):
        assert f"{open_to_all} is open to others (mode 0755)." in str(data_dir.prepare(settings))
    assert modes(open_to_all) == before


def test_a_key_that_others_can_read_is_refused(
    open_to_all: Path, settings: Settings, another_user: None
) -> None:
    with pytest.raises(SettingsError, match=r"jwt\.key is open to others \(mode 0644\).*STOCKROOM_JWT_KEY"):
        data_dir.signing_key(settings)


def test_a_key_is_refused_where_modes_are_not_kept(
    open_to_all: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "chmod", lambda path, bits: None)
    assert "is open to others" in str(data_dir.prepare(settings))
    with pytest.raises(SettingsError, match=r"jwt\.key is open to others"):
        data_dir.signing_key(settings)


def test_a_chmod_that_is_refused_is_told_of(
    open_to_all: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, bits: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    assert "Operation not permitted" in str(data_dir.prepare(settings))


def test_a_folder_that_all_share_is_not_taken_from_them(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    told = data_dir.prepare(Settings(_env_file=None, data_dir=shared))
    assert mode(shared) == 0o1777
    assert f"{shared} is open to others (mode 1777)." in str(told)


def test_a_database_elsewhere_is_closed_and_its_folder_is_not(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    file = tmp_path / "elsewhere.db"
    file.touch()
    file.chmod(0o666)
    settings = Settings(_env_file=None, data_dir=tmp_path / "var", database_url=f"sqlite:///{file}")
    assert data_dir.prepare(settings) == [f"{file} was open to others (mode 0666) until now."]
    assert (mode(file), mode(tmp_path)) == (0o600, 0o755)


def test_check_tells_of_it_and_changes_nothing(open_to_all: Path, settings: Settings) -> None:
    for name in ("stockroom.db-wal", "stockroom.db-shm"):
        # Those that another process has left are SQLite's to remove.
        (open_to_all / name).unlink()
    before = modes(open_to_all)
    told = CliRunner().invoke(main, ["check"]).stderr
    assert f"Warning: {open_to_all / 'jwt.key'} is open to others (mode 0644)." in told
    assert "The next start does." in told
    assert modes(open_to_all) == before


def test_a_start_tells_of_it(open_to_all: Path) -> None:
    told = CliRunner().invoke(main, ["migrate"]).stderr
    assert f"Warning: {open_to_all / 'stockroom.db'} was open to others (mode 0644) until now." in told


def test_nothing_is_exposed_where_there_is_nothing(settings: Settings) -> None:
    assert list(exposures(settings)) == []
    assert not settings.data_dir.exists()


def test_the_service_tells_of_what_others_can_read(
    configure: Callable[..., Settings], serve: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    configure().data_dir.mkdir()
    configure().data_dir.chmod(0o755)
    serve()
    assert "data.exposed" in capsys.readouterr().out
    assert mode(configure().data_dir) == 0o700
