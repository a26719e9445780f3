"""What can be read and not written, however a database or a file system says so."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa


class ReadOnly(sa.exc.OperationalError):
    """The database takes no writes now, such as a standby. What it was asked to write is not written."""

    def __init__(self, reason: BaseException | str, statement: str = "") -> None:
        told = reason if isinstance(reason, BaseException) else PermissionError(reason)
        super().__init__(statement, None, told, hide_parameters=True)


def is_read_only(error: BaseException) -> bool:
    """Whether the error means that a database or a folder cannot be written, and not for want of room."""
    return isinstance(error, ReadOnly) or (
        isinstance(error, OSError) and error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}
    )


def unwritable(paths: Iterable[Path]) -> Path | None:
    """The first of these files and folders that is there and cannot be written by this process."""
    return next((path for path in paths if path.exists() and not _can_write(path)), None)


def _can_write(path: Path) -> bool:
    # As far as the file system tells; nothing is written.
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)
