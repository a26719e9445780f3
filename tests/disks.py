"""Disks that are soon full: small file systems in memory, which only root can make."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

BALLAST = "ballast"


@dataclass(frozen=True)
class Disk:
    """A file system of its own."""

    folder: Path

    def fill(self, *, left: int = 0) -> None:
        """Leave so many bytes, as pages go."""
        with (self.folder / BALLAST).open("wb", buffering=0) as ballast:
            with contextlib.suppress(OSError):
                # It takes less than it is given at the end, and then fails.
                while ballast.write(bytes(2**16)):
                    pass
            ballast.truncate(max(ballast.tell() - left, 0))

    def make_room(self) -> None:
        (self.folder / BALLAST).unlink()

    @contextmanager
    def filled(self, *, left: int = 0) -> Iterator[None]:
        self.fill(left=left)
        try:
            yield
        finally:
            self.make_room()

    def free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def names(self) -> set[str]:
        """Of all files on it, but for what fills it."""
        found = (path for path in self.folder.rglob("*") if path.is_file() and path.name != BALLAST)
        return {str(path.relative_to(self.folder)) for path in found}


@pytest.fixture
def make_disk() -> Iterator[Callable[..., Disk]]:
    """Make a disk of so many megabytes; skip the test where that cannot be."""
    with ExitStack() as stack:

        def make_disk(megabytes: int, *options: str) -> Disk:
            # Others may have to reach it, and not all can reach the folders of tests.
            folder = Path(tempfile.mkdtemp(prefix="stockroom-disk-"))
            stack.callback(folder.rmdir)
            given = ",".join((f"size={megabytes}m", *options))
            command = ["mount", "-t", "tmpfs", "-o", given, "stockroom-test", str(folder)]
            made = subprocess.run(command, capture_output=True, check=False)
            if made.returncode:
                pytest.skip(f"no file system can be made here: {made.stderr.decode().strip()}")
            # At once from here, and for those who still use it when they do no more.
            stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
            return Disk(folder)

        yield make_disk
