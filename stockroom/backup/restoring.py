"""Restore a backup to where there is nothing yet."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from stockroom.backup import databases, parts
from stockroom.backup.model import DATABASES, KEY, MANIFEST, BackupError, Manifest, read_manifest
from stockroom.db import migrate
from stockroom.db.database import Database
from stockroom.db.files import FileStore

MANIFEST_BYTES = 64 * 2**20
"""The most that is read of a manifest: that of some 400,000 files."""


def restore(
    database: Database, files: FileStore, *, key: Path | None, data_dir: Path, source: Path
) -> Manifest:
    """Check the whole backup, then put database, files and key where the settings have them.

    `key` is where the signing key is kept, if that is a file. Raises BackupError where the backup is damaged
    or there is something already; OSError where something cannot be read or written; SQLAlchemyError where
    PostgreSQL is away. Nothing is left behind then.
    """
    manifest = _manifest(source)
    _refuse_unfit(manifest, database)
    _refuse_damaged(manifest, source)
    _refuse_occupied(data_dir, files)
    databases.refuse_occupied(database)
    with ExitStack() as undo:
        for part in manifest.files:
            name = part.name.rpartition("/")[2]
            undo.callback(files.delete, name)
            files.put(source / part.name, name)
        if key is not None and manifest.has_key:
            undo.callback(key.unlink, missing_ok=True)
            with parts.opened(source / KEY) as kept:
                parts.write(kept, key)
            parts.sync(key.parent)
        # Last: without a database nobody takes the rest for a whole.
        databases.put(database, source / DATABASES[manifest.database])
        undo.pop_all()
    return manifest


def _manifest(source: Path) -> Manifest:
    if not (source / MANIFEST).exists():
        raise BackupError(f"{source} is no backup: there is no {MANIFEST} in it.")
    with parts.opened(source / MANIFEST) as file:
        text = file.read(MANIFEST_BYTES + 1)
    if len(text) > MANIFEST_BYTES:
        raise BackupError(f"{MANIFEST} is larger than any that was written.")
    return read_manifest(text.decode(errors="replace"))


def _refuse_unfit(manifest: Manifest, database: Database) -> None:
    if manifest.database != database.name:
        raise BackupError(
            f"The backup is of {manifest.database}, and STOCKROOM_DATABASE_URL names {database.name}."
        )
    if manifest.revision > migrate.head():
        raise BackupError(
            f"The backup is of revision {manifest.revision}, made by version {manifest.version}; this one "
            f"knows revisions up to {migrate.head()}."
        )


def _refuse_damaged(manifest: Manifest, source: Path) -> None:
    for part in manifest.parts:
        if parts.measured(source / part.name, part.name) != part:
            raise BackupError(f"{source / part.name} is not what was backed up: its checksum differs.")


def _refuse_occupied(data_dir: Path, files: FileStore) -> None:
    # Empty folders do no harm; a restore that was broken off may have left one.
    if found := next((path for path in data_dir.rglob("*") if not path.is_dir()), None):
        inside = found.relative_to(data_dir)
        raise BackupError(f"{data_dir} is not empty: there is {inside}. Nothing was restored.")
    if name := next(files.names_older_than(datetime.max.replace(tzinfo=UTC)), None):
        raise BackupError(f"The file store is not empty: there is {name}. Nothing was restored.")
