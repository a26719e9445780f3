"""What cannot be written for a while: files and folders, also by root, and databases of PostgreSQL."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.onlooker import onlooker


@contextmanager
def frozen(*paths: Path) -> Iterator[None]:
    """Have nobody write to these files, nor make or remove anything in these folders."""
    _change("+i", paths)
    try:
        yield
    finally:
        _change("-i", paths)


def _change(how: str, paths: tuple[Path, ...]) -> None:
    try:
        done = subprocess.run(["chattr", how, *paths], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("chattr is missing here")
    if done.returncode:
        pytest.skip(f"no file can be made immutable here: {done.stderr.decode().strip()}")


@contextmanager
def read_only(url: str) -> Iterator[None]:
    """Have new sessions of a PostgreSQL database only read, as on a standby. All that are open end first.

    Sessions that begin meanwhile only read afterwards, too, as those of a standby do that is cut off.
    """
    name, server = sa.make_url(url).database, onlooker(url, database="postgres")
    with server.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
        connection.execute(
            sa.text("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = :name"),
            {"name": name},
        )
        try:
            yield
        finally:
            connection.execute(sa.text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
