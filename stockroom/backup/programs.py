"""PostgreSQL's own programs, pg_dump and pg_restore. The environment tells them where the database is."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from stockroom.backup.model import BackupError
from stockroom.db.connections import Connection

# Only what changes tables holds pg_dump up: a migration.
_LOCK_WAIT = "60s"


def dump(url: str, snapshot: Connection, path: Path) -> None:
    """Write the database as a snapshot sees it. Raises BackupError."""
    exported = snapshot.scalar(sa.text("SELECT pg_export_snapshot()"))
    options = ("--format=custom", f"--snapshot={exported}", f"--lock-wait-timeout={_LOCK_WAIT}")
    _run("pg_dump", (*options, "--no-owner", "--no-privileges", f"--file={path}"), url)


def restore(url: str, path: Path) -> None:
    """Bring all of a dump into an empty database, or nothing of it. Raises BackupError."""
    options = ("--single-transaction", "--no-owner", "--no-privileges")
    _run("pg_restore", (*options, f"--dbname={sa.make_url(url).database}", str(path)), url)


def _run(program: str, options: Sequence[str], url: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise BackupError(
            f"{program} is not installed here. It is one of PostgreSQL's client programs (on Debian: "
            "postgresql-client)."
        )
    done = subprocess.run(  # noqa: S603 - without a shell, and the options are ours
        [found, "--no-password", *options],
        env=os.environ | environment(url),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise BackupError(f"{program} has failed: {said or f'status {done.returncode}'}")


def environment(url: str) -> dict[str, str]:
    """Where the database is, by the names of libpq's variables: others see the options of a process."""
    known = sa.make_url(url)
    hosts, ports = _places(known)
    values = {
        "PGHOST": hosts,
        "PGPORT": ports,
        "PGUSER": known.username,
        "PGPASSWORD": known.password,
        "PGDATABASE": known.database,
        "PGSSLMODE": _texts(known, "ssl"),
    }
    return {name: str(value) for name, value in values.items() if value}


def _places(url: sa.URL) -> tuple[str, str]:
    """Hosts and ports, each separated by commas. Several are given as `?host=a:5432&host=b:5432`."""
    if url.host:
        return url.host, str(url.port or "")
    named = [text.partition(":") for text in _texts(url, "host").split(",") if text]
    ports = ",".join(port for _, _, port in named).strip(",")
    return ",".join(host for host, _, _ in named), ports or _texts(url, "port")


def _texts(url: sa.URL, name: str) -> str:
    found = url.query.get(name, "")
    return found if isinstance(found, str) else ",".join(found)
