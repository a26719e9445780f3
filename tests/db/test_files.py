"""The file store, in a folder and elsewhere."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stockroom.db.files import FileStore


@pytest.fixture(params=["file", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    if request.param == "file":
        return FileStore((tmp_path / "with space" / "files").as_uri())
    return FileStore(f"memory://{uuid.uuid4()}")


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload"
    path.write_bytes(b"sku,name\n")
    return path


def test_a_stored_file_is_a_copy_that_stays(files: FileStore, upload: Path) -> None:
    files.put(upload, "one.csv")
    upload.unlink()
    with files.open("one.csv") as source:
        assert source.read() == b"sku,name\n"


def test_a_file_that_is_made_is_there_once_it_is_complete(files: FileStore) -> None:
    with files.create("one.csv") as target:
        target.write(b"sku,")
        target.flush()
        with pytest.raises(FileNotFoundError):
            files.open("one.csv")
        target.write(b"name\n")
    with files.open("one.csv") as source:
        assert (source.size, source.read(4), source.read()) == (9, b"sku,", b"name\n")


def test_a_file_whose_making_fails_is_never_there(files: FileStore) -> None:
    def failing() -> Iterator[bytes]:
        yield b"sku,"
        raise KeyError

    with pytest.raises(KeyError), files.create("one.csv") as target:
        target.writelines(failing())
    assert list(files.names_older_than(datetime.now(UTC) + timedelta(hours=1))) == []


def test_a_file_that_is_deleted_can_be_read_to_its_end_by_who_has_it_open(tmp_path: Path) -> None:
    files = FileStore((tmp_path / "files").as_uri())
    with files.create("one.csv") as target:
        target.write(b"sku,name\n")
    with files.open("one.csv") as source:
        files.delete("one.csv")
        assert source.read() == b"sku,name\n"


def test_a_deleted_file_is_gone_and_may_be_deleted_again(files: FileStore, upload: Path) -> None:
    files.put(upload, "one.csv")
    files.delete("one.csv")
    files.delete("one.csv")
    with pytest.raises(FileNotFoundError):
        files.open("one.csv")


def test_files_are_found_by_their_age(files: FileStore, upload: Path) -> None:
    now = datetime.now(UTC)
    assert list(files.names_older_than(now)) == []
    files.put(upload, "one.csv")
    assert list(files.names_older_than(now - timedelta(hours=1))) == []
    assert list(files.names_older_than(now + timedelta(hours=1))) == ["one.csv"]


def test_a_file_that_cannot_be_stored_leaves_nothing_behind(tmp_path: Path) -> None:
    files = FileStore((tmp_path / "files").as_uri())
    with pytest.raises(FileNotFoundError):
        files.put(tmp_path / "absent", "one.csv")
    assert list((tmp_path / "files").iterdir()) == []
