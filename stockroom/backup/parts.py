"""The files of a backup: written durably, for their owner alone, and read with their checksums."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from stockroom.backup.model import BackupError, Part

_BLOCK = 2**20


def write(source: BinaryIO, path: Path) -> None:
    """Write all of `source` to a new file, durable on return but for its name."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
        for block in _blocks(source):
            target.write(block)
        target.flush()
        os.fsync(target.fileno())


def measured(path: Path, name: str) -> Part:
    """The file at `path` as a part with this name. Raises BackupError unless it is a plain file."""
    digest, size = hashlib.sha256(), 0
    with opened(path) as source:
        for block in _blocks(source):
            digest.update(block)
            size += len(block)
    return Part(name, size, digest.hexdigest())


def opened(path: Path) -> BinaryIO:
    """Open a plain file. Raises BackupError for links, folders and devices, and for what is not there."""
    try:
        # Without waiting for whoever writes into a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from None
    file = os.fdopen(descriptor, "rb") if path.is_file() else None
    if file is None:
        os.close(descriptor)
        raise BackupError(f"{path} is no file.")
    return file


def sync(folder: Path) -> None:
    """Make the names in a folder durable, as `write` makes contents."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    while block := source.read(_BLOCK):
        yield block
