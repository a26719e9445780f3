"""The data folder: made when it is missing, and the home of the key that signs access tokens."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from stockroom.db import read_only
from stockroom.db.files import FileStore
from stockroom.db.storage import Storage
from stockroom.process.exposure import Exposure, exposure, exposures
from stockroom.settings import SHORTEST_KEY, Settings, SettingsError


def prepare(settings: Settings) -> list[str]:
    """Make the data folder, readable by its owner alone, and shut others out of what is there already.

    Returns a sentence for whatever was open to others until now, or still is. Raises SettingsError if nothing
    can be written there.
    """
    folder = settings.data_dir
    try:
        _make_private(folder)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(f"STOCKROOM_DATA_DIR: cannot write to {folder}: {error.strerror}") from None
    return [_closed(found) for found in exposures(settings)]


def faults(settings: Settings) -> Iterator[str]:
    """Why `prepare` and `signing_key` would fail, as far as can be told without writing anything."""
    folder = settings.data_dir
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or read_only.unwritable([there]):
        yield f"STOCKROOM_DATA_DIR: cannot write to {folder}"
    if settings.jwt_key is None and settings.key_file.exists():
        try:
            _read_key(settings.key_file)
        except SettingsError as error:
            yield str(error)


def _make_private(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        # The umask may have taken something away from its owner.
        folder.chmod(0o700)


def _closed(found: Exposure) -> str:
    try:
        return found.close()
    except OSError as error:
        return f"{found} This cannot be done here: {error.strerror}."


def storage(settings: Settings, files: FileStore) -> Storage:
    """The disks that hold what is kept without another service."""
    database = Path(sa.make_url(settings.database_url).database or "").parent if settings.embedded else None
    folders = [settings.data_dir, files.folder] if files.folder else [settings.data_dir]
    return Storage(folders, database, settings.reserved_bytes)


def emptied(settings: Settings) -> str | None:
    """What to do about an embedded database that has lost all it had, after "the database is"; else None.

    An interrupted copy or a full disk may leave a file of 0 bytes, which SQLite takes for a new database. The
    key and the broker's folder are there once a service has been run.
    """
    file = Path(sa.make_url(settings.database_url).database or "")
    was_used = settings.key_file.exists() or settings.broker_dir.exists()
    if not (settings.embedded and was_used and file.exists() and not file.stat().st_size):
        return None
    return (
        f"empty: {file} has 0 bytes, and {settings.data_dir} shows that there was something in it. "
        "Nothing was done. Restore a backup, or remove that file to begin anew."
    )


def signing_key(settings: Settings) -> bytes:
    """The key of access tokens: as configured, else the one kept in the data folder, made at first use.

    Processes that ask at the same time get the same key. Raises SettingsError if the kept one is unusable, or
    open to others: whoever reads it can make tokens for anybody.
    """
    if settings.jwt_key is not None:
        return settings.jwt_key.get_secret_value().encode()
    if not settings.key_file.exists():
        prepare(settings)
        _make_key(settings.key_file)
    if (found := exposure(settings.key_file)) and (told := _closed(found)) and exposure(settings.key_file):
        raise SettingsError(f"{told} Or set STOCKROOM_JWT_KEY.")
    return _read_key(settings.key_file)


def _read_key(path: Path) -> bytes:
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    if len(key) < SHORTEST_KEY:
        raise SettingsError(f"{path} holds less than {SHORTEST_KEY} bytes; remove it for a new key")
    return key


def _make_key(path: Path) -> None:
    """Put a whole key at `path`, unless another process was first."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".jwt-")
    try:
        # As mkstemp makes it, but for what the umask may have taken away from its owner.
        os.fchmod(descriptor, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link appears at once and complete, and fails where the name is taken.
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
