"""A disk that is full, however a database or a file system says so."""

import errno

import sqlalchemy as sa


class DiskFull(sa.exc.OperationalError):
    """The database has no room to write. What it was asked to write is not written; it can be read."""


def is_disk_full(error: BaseException) -> bool:
    """Whether the error means that a database or a file found no room, or no more than a quota allows."""
    return isinstance(error, DiskFull) or (
        isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    )
