"""What of the data others on this machine can read: found, and put right where it is ours."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from stockroom.db.files import FileStore
from stockroom.db.sqlite import files_of
from stockroom.frozen import frozen
from stockroom.settings import Settings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@frozen
class Exposure:
    """A folder or file that others may enter, read or write; `mode` is what it had."""

    path: Path
    mode: int
    is_ours: bool
    """Whether it may be put right from here: no other user's folder is, and none that all users share."""

    def close(self) -> str:
        """Shut others out, if it may be done. Returns a sentence about what came of it."""
        if self.is_ours:
            self.path.chmod(self.mode & ~_OTHERS)
            if exposure(self.path) is None:
                return f"{self.path} was open to others (mode {self.mode:04o}) until now."
        return str(self)

    def __str__(self) -> str:
        return f"{self.path} is open to others (mode {self.mode:04o}). Make it private, or keep it elsewhere."


def exposures(settings: Settings) -> Iterator[Exposure]:
    """What there is of the data that is open to others; nothing is made or changed."""
    for path in _kept(settings):
        if found := exposure(path):
            yield found


def exposure(path: Path) -> Exposure | None:
    """None where it is private, or is not there."""
    try:
        known = path.stat()
    except OSError:
        return None
    if not known.st_mode & _OTHERS:
        return None
    # With a sticky bit it is shared on purpose, as /tmp is; and nobody means the root of it all.
    shared = known.st_mode & stat.S_ISVTX or path == path.parent
    is_ours = known.st_uid == os.geteuid() and not shared
    return Exposure(path, stat.S_IMODE(known.st_mode), is_ours)


def _kept(settings: Settings) -> Iterator[Path]:
    yield settings.data_dir
    yield settings.broker_dir
    if folder := FileStore(settings.files_url).folder:
        yield folder
    if settings.embedded:
        yield from files_of(sa.make_url(settings.database_url))
    yield settings.key_file
