"""Files on their way: whose they are, how much they are, and what a process leaves that is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stockroom.uploads import Received, UploadFolder

ROOT = Path(__file__).resolve().parent.parent
RECEIVE = """
import asyncio, sys
from pathlib import Path
from stockroom.uploads import UploadFolder

async def receive():
    upload, _ = await UploadFolder(Path(sys.argv[1])).begin("ann", 1000)
    upload.write(b"sku,name")
    print(upload.path, flush=True)
    await asyncio.sleep(600)

asyncio.run(receive())
"""


@pytest.fixture
def folder(tmp_path: Path) -> UploadFolder:
    # What is no upload is nobody's to remove.
    (tmp_path / "stockroom.db").write_bytes(b"")
    return UploadFolder(tmp_path)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "stockroom.db")


@contextmanager
def receiving(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that receives a file."""
    command = [sys.executable, "-c", RECEIVE, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout
            assert Path(process.stdout.readline().decode().strip()).exists()
            yield process
        finally:
            process.kill()


def test_a_file_is_there_until_it_is_closed(folder: UploadFolder, tmp_path: Path) -> None:
    upload, _ = asyncio.run(folder.begin("ann", None))
    upload.write(b"sku,")
    upload.write(b"name\n")
    upload.complete()
    assert (upload.path.read_bytes(), upload.size) == (b"sku,name\n", 9)
    assert upload.path.stat().st_mode & 0o777 == 0o600
    assert folder.clear() == 0
    upload.close()
    assert names(tmp_path) == []


def test_what_is_announced_counts_at_once_for_its_sender_alone(folder: UploadFolder) -> None:
    first, alone = asyncio.run(folder.begin("ann", 1_000_000))
    second, both = asyncio.run(folder.begin("ann", None))
    other, of_other = asyncio.run(folder.begin("bob", 5))
    assert (alone, both, of_other) == (Received(1, 1_000_000), Received(2, 1_000_000), Received(1, 5))
    first.close()
    assert (folder.received_of("ann"), folder.received_of("bob")) == (Received(1, 0), Received(1, 5))
    second.close()
    other.close()


def test_a_file_that_is_shorter_than_announced_has_what_came(folder: UploadFolder) -> None:
    upload, _ = asyncio.run(folder.begin("ann", 1000))
    upload.write(b"sku")
    upload.complete()
    assert upload.path.read_bytes() == b"sku"
    upload.close()


def test_what_a_process_receives_is_left_alone_by_others(folder: UploadFolder, tmp_path: Path) -> None:
    with receiving(tmp_path):
        assert folder.received_of("ann") == Received(1, 1000)
        assert folder.clear() == 0
        assert len(names(tmp_path)) == 1


def test_what_a_process_leaves_that_is_killed_is_removed(folder: UploadFolder, tmp_path: Path) -> None:
    with receiving(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert len(names(tmp_path)) == 1
        assert folder.clear() == 1
    assert names(tmp_path) == []


def test_of_files_that_are_begun_at_once_each_counts_those_before_it(folder: UploadFolder) -> None:
    async def begin_all() -> list[int]:
        begun = await asyncio.gather(*(folder.begin("ann", 10) for _ in range(20)))
        for upload, _ in begun:
            upload.close()
        return [received.bytes for _, received in begun]

    assert sorted(asyncio.run(begin_all())) == list(range(10, 210, 10))


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    assert UploadFolder(tmp_path / "none").clear() == 0
