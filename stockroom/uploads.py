"""Uploads: files that are being received, each locked by the process that receives it.

A lock goes with its process, however that ends: a file that nobody has locked is a leftover. Several services
may share a folder.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

PREFIX = "upload-"
PATIENCE = 10.0
"""Seconds to wait for others who begin an upload; each takes less than a millisecond."""


class Received(NamedTuple):
    """How many files somebody is sending, and the bytes of them that are there or were announced."""

    files: int
    bytes: int


class Upload:
    """A file of `size` bytes that was received, or is."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self.size = 0
        self.charset: str | None = None
        self._file = file

    def allocate(self, length: int) -> None:
        """Take the room for so many bytes before they come. Raises OSError where there is none."""
        os.posix_fallocate(self._file.fileno(), 0, length)

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.size += len(chunk)

    def complete(self) -> None:
        """Have all that was written be there for who reads the file by its path."""
        self._file.flush()
        # Fewer bytes may have come than were announced.
        self._file.truncate(self.size)

    def close(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)
        # What is left in the buffer is written now, perhaps where there is no room.
        with contextlib.suppress(OSError):
            self._file.close()


class UploadFolder:
    """A folder where uploads are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def begin(self, sender: str, length: int | None) -> tuple[Upload, Received]:
        """A new file, for as many bytes as are announced, and all that its sender is sending, this one with
        it. Of several that are begun at the same time, each finds those before it.

        Raises OSError where there is no room, TimeoutError where it cannot be begun in time.
        """
        async with self._locked():
            path = self._folder / f"{_prefix(sender)}{length or 0}-{secrets.token_hex(8)}"
            file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
            upload = Upload(path, file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                return upload, self.received_of(sender)
            except BaseException:
                upload.close()
                raise

    def received_of(self, sender: str) -> Received:
        sizes = [size for path in self._paths(_prefix(sender)) if (size := _size(path)) is not None]
        return Received(len(sizes), sum(sizes))

    def clear(self) -> int:
        """Remove the leftovers; returns how many there were."""
        if not self._folder.exists():
            return 0
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            # A file that was made and is not locked yet belongs to who has locked the folder.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return sum(_was_leftover(path) for path in self._paths(PREFIX))
        finally:
            os.close(descriptor)

    def _paths(self, prefix: str) -> list[Path]:
        with os.scandir(self._folder) as entries:
            return [Path(entry.path) for entry in entries if entry.name.startswith(prefix)]

    @contextlib.asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """Have others wait who begin an upload, also in other processes."""
        descriptor, until = os.open(self._folder, os.O_RDONLY), time.monotonic() + PATIENCE
        try:
            while not _has_locked(descriptor):
                if time.monotonic() > until:
                    raise TimeoutError(f"{self._folder} stays locked")
                await asyncio.sleep(0.005)
            yield
        finally:
            os.close(descriptor)


def _prefix(sender: str) -> str:
    """How the names of a sender's files begin; a name of an account may hold what no file's may."""
    return f"{PREFIX}{hashlib.sha256(sender.encode()).hexdigest()[:16]}-"


def _size(path: Path) -> int | None:
    """The bytes that are there or were announced; None if the file is gone."""
    announced = int(path.name.split("-")[2])
    try:
        return max(announced, path.stat().st_size)
    except FileNotFoundError:
        return None


def _has_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _was_leftover(path: Path) -> bool:
    """Remove the file unless somebody holds it."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        if _has_locked(file.fileno()):
            path.unlink()
            return True
    return False
