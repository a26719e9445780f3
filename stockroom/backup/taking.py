"""Take a backup of a service that may be running."""

import shutil
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from stockroom.backup import databases, parts
from stockroom.backup.model import DATABASES, FILES, KEY, MANIFEST, BackupError, Manifest
from stockroom.db import migrate
from stockroom.db.database import Database
from stockroom.db.files import FileStore
from stockroom.retention.needs import needed


class Taken(NamedTuple):
    """A backup, and the files that tasks need and that are `lost`: they were not there to be backed up."""

    manifest: Manifest
    lost: tuple[str, ...]


def back_up(database: Database, files: FileStore, *, key: Path | None, target: Path) -> Taken:
    """Make the folder `target`, whole or not at all; what is there already is never touched.

    `key` is the file with the signing key, if that is a file. Nobody who writes is held up. Raises
    BackupError; OSError where something cannot be read or written; SQLAlchemyError where the database cannot
    be read.
    """
    if target.exists() or target.is_symlink():
        raise BackupError(f"There is {target} already; give a name that is free.")
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}.")
    databases.refuse_missing(database)
    # For its owner alone: password hashes and the key are in it.
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        taken = _taken(database, files, key, unfinished)
        # Fails where anything but an empty folder has this name by now.
        unfinished.rename(target)
        parts.sync(target.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return taken


def _taken(database: Database, files: FileStore, key: Path | None, folder: Path) -> Taken:
    (folder / FILES).mkdir(mode=0o700)
    copies = _Copies(files, folder / FILES)
    given_up: set[str] = set()
    while True:
        with database.snapshot() as snapshot:
            revision = _known(migrate.current(snapshot))
            taken_at = database.clock()
            wanted = {file.name for file in needed(snapshot, taken_at)}
            missing = copies.add(wanted)
            # An import that has ended since the snapshot has deleted its file: the next one does not need it.
            # What is still needed then was not there before either.
            if missing <= given_up:
                databases.take(database, snapshot, folder / DATABASES[database.name])
                break
            given_up |= missing
    copies.keep(wanted)
    if key is not None:
        with parts.opened(key) as source:
            parts.write(source, folder / KEY)
    manifest = Manifest(
        version("stockroom"),
        database.name,
        revision,
        taken_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        tuple(parts.measured(path, str(path.relative_to(folder))) for path in _found(folder)),
    )
    _finish(folder, manifest)
    return Taken(manifest, tuple(sorted(missing)))


def _known(revision: str | None) -> str:
    if revision is None:
        raise BackupError("The database was never migrated: there is nothing to back up.")
    if revision > migrate.head():
        raise BackupError(f"The database is at revision {revision}, which this version does not know.")
    return revision


class _Copies:
    """Copies of files in a store, which never change under their names."""

    def __init__(self, files: FileStore, folder: Path) -> None:
        self._files = files
        self._folder = folder
        self._names: set[str] = set()

    def add(self, names: Iterable[str]) -> set[str]:
        """Copy files that are not copied yet, and return those that are not there."""
        missing = set()
        for name in set(names) - self._names:
            try:
                source = self._files.open(name)
            except FileNotFoundError:
                missing.add(name)
                continue
            with source:
                parts.write(source, self._folder / name)
            self._names.add(name)
        return missing

    def keep(self, names: Iterable[str]) -> None:
        """Forget the copies of all other files."""
        for name in self._names - set(names):
            (self._folder / name).unlink()
            self._names.remove(name)


def _found(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _finish(folder: Path, manifest: Manifest) -> None:
    path = folder / MANIFEST
    path.touch(mode=0o600)
    path.write_text(manifest.written())
    for written in (path, folder / FILES, folder):
        parts.sync(written)
