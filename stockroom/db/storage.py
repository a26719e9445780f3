"""Whether there is room to write: on the disks of this machine that hold data, and in the database.

And whether the folders there may be written at all.
"""

import os
import time
from collections.abc import Collection
from pathlib import Path

from stockroom.db.read_only import unwritable
from stockroom.errors import StorageFull

REMEMBERED = 10.0
"""Seconds for which a disk that was found full is taken to be: a database server's, or a quota, shows nowhere
else.
"""

DAMAGE_REMEMBERED = 60.0
"""Seconds for which the database is taken to be damaged: only what meets the damage notices."""


class Storage:
    """The disks that hold data: those of folders with files, and that of the folder with the database, if it
    is one. Of each `reserved` bytes are left for what is small and must go on: logins.

    What others have on the same disk counts, too: what is left is what the file system says.
    """

    def __init__(self, folders: Collection[Path], database: Path | None, reserved: int) -> None:
        self._folders = folders
        self._database = database
        # Nothing can be written where nothing is left.
        self._reserved = max(reserved, 1)
        self._full_until = 0.0
        self._damaged_until = 0.0

    def require(self, more: int = 0) -> None:
        """Raise StorageFull if less would be left than is reserved, once `more` bytes are written."""
        self.require_for_database()
        for folder in self._folders:
            self._require(folder, more)

    def require_for_database(self) -> None:
        """The same for what is written to the database alone. One elsewhere says itself if it has no room."""
        if self._database is not None:
            self._require(self._database, 0)

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

    def note_damaged(self) -> None:
        """Remember that the database was found to be damaged."""
        self._damaged_until = time.monotonic() + DAMAGE_REMEMBERED

    def is_damaged(self) -> bool:
        return time.monotonic() < self._damaged_until

    def unwritable(self) -> Path | None:
        """A folder that cannot be written, whether there is room or not."""
        return unwritable(self._folders)

    def _require(self, folder: Path, more: int) -> None:
        if _free(folder) - more < self._reserved:
            raise StorageFull("The disk is full, but for what is reserved. Nothing was changed.")


def _free(folder: Path) -> int:
    """The bytes that a process without privileges may write there."""
    try:
        found = os.statvfs(folder)
    except FileNotFoundError:
        # Made when it is needed, in the folder above it.
        return _free(folder.parent)
    return found.f_bavail * found.f_frsize
