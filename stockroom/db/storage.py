"""Whether there is room to write: on the disks of this machine that hold data, and in the database."""

import os
import time
from collections.abc import Collection
from pathlib import Path

import sqlalchemy as sa

from stockroom.errors import StorageFull

REMEMBERED = 10.0
"""Seconds for which a disk that was found full is taken to be: a database server's, or a quota, shows nowhere
else.
"""


class Storage:
    """The disks that hold data. Of each `reserved` bytes are left for what is small and must go on: logins.

    What others have on the same disk counts, too: what is left is what the file system says.
    """

    def __init__(self, folders: Collection[Path], reserved: int) -> None:
        self._folders = folders
        self._reserved = reserved
        self._full_until = 0.0

    def require(self, more: int = 0) -> None:
        """Raise StorageFull if less would be left than is reserved, once `more` bytes are written."""
        for folder in self._folders:
            if _free(folder) - more < self._reserved:
                raise StorageFull("The disk is full, but for what is reserved. Nothing was changed.")

    def note_full(self) -> None:
        """Remember that there was no room, whatever `require` found."""
        self._full_until = time.monotonic() + REMEMBERED

    def is_full(self) -> bool:
        if time.monotonic() < self._full_until:
            return True
        try:
            self.require()
        except StorageFull:
            return True
        return False


def folders_of(data_dir: Path, database_url: str, files: Path | None) -> list[Path]:
    """The folders of this machine that hold data: those of files, and of a database in a file."""
    url = sa.make_url(database_url)
    of_database = Path(url.database or "").parent if url.get_backend_name() == "sqlite" else None
    return [folder for folder in dict.fromkeys((data_dir, of_database, files)) if folder is not None]


def _free(folder: Path) -> int:
    """The bytes that a process without privileges may write there."""
    try:
        found = os.statvfs(folder)
    except FileNotFoundError:
        # Made when it is needed, in the folder above it.
        return _free(folder.parent)
    return found.f_bavail * found.f_frsize
