"""Migrations: bring a database to the schema of this version, and tell which one it has."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from stockroom.db.connections import Connection
from stockroom.db.damage import Damaged
from stockroom.db.database import Database
from stockroom.db.sqlite import create_private

_FOLDER = Path(__file__).parent / "migrations"

_current = sa.select(sa.column("version_num", sa.String)).select_from(sa.table("alembic_version"))

_IS_MIGRATED = {
    "sqlite": sa.text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"),
    "postgresql": sa.text("SELECT to_regclass('alembic_version')::text"),
}

# Any number will do, as long as every process that migrates takes the same.
_LOCK = 0x53_54_4F_43_4B


class WrongRevision(Exception):
    """The database is not at the revision of this version; the text goes on after "the database is"."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`, by default `head()`: all steps or none, in one transaction.

    Processes that migrate at the same time wait for each other; the later ones find nothing left to do.
    Raises WrongRevision, having done nothing, if the database is of a newer version.
    """
    # Here, so that those who only compare revisions do not load it: it takes a tenth of the start.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    # Percent signs would be taken for interpolation.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")

    def apply(connection: sa.Connection) -> None:
        _refuse_newer(current(connection))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    if sa.make_url(url).get_backend_name() == "sqlite":
        _on_sqlite(url, apply)
    else:
        asyncio.run(_on_postgresql(url, apply))


def _on_sqlite(url: str, apply: Callable[[sa.Connection], None]) -> None:
    create_private(sa.make_url(url))
    engine = sa.create_engine(url, connect_args={"timeout": 30, "isolation_level": None})
    try:
        with engine.begin() as connection:
            # The lock that others wait for; DDL is transactional here as well.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            apply(connection)
    finally:
        engine.dispose()


async def _on_postgresql(url: str, apply: Callable[[sa.Connection], None]) -> None:
    engine = create_async_engine(url, poolclass=sa.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            await connection.run_sync(apply)
    except OSError as error:
        # SQLAlchemy leaves errors of the network as they are.
        raise sa.exc.OperationalError("", None, error, hide_parameters=True) from error


def head() -> str:
    """The revision this version of the code works with: the last one, as their files are numbered."""
    return max(file.name for file in (_FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]


def require_head(database: Database) -> None:
    """Raises WrongRevision unless the database is at `head()`, as far as it can be read."""
    _refuse_nothing(sa.make_url(database.url))
    try:
        with database.connect() as reader:
            revision = current(reader)
    except Damaged as error:
        raise WrongRevision(f"damaged: {error.orig}. Nothing was done. Restore a backup.") from None
    _refuse_newer(revision)
    if revision != head():
        raise WrongRevision(f"at revision {revision or 'none'} instead of {head()}; run `stockroom migrate`.")


def _refuse_nothing(url: sa.URL) -> None:
    # To open it would make a file, or write to one of 0 bytes.
    if url.get_backend_name() != "sqlite":
        return
    path = Path(url.database or "")
    if not path.exists():
        raise WrongRevision("not there yet; `stockroom migrate` or `stockroom run` makes it.")
    if not path.stat().st_size:
        raise WrongRevision("empty; run `stockroom migrate`.")


def _refuse_newer(revision: str | None) -> None:
    # As their files are numbered; what a later version adds has a higher number.
    if revision is not None and revision > head():
        raise WrongRevision(
            f"at revision {revision}, which belongs to a newer version of Stockroom; this one knows none "
            f"after {head()}. Nothing was done. Use the newer version, or restore a backup."
        )


def current(reader: Connection | sa.Connection) -> str | None:
    """The revision of the database; None for one that was never migrated."""
    return reader.scalar(_current) if reader.scalar(_IS_MIGRATED[reader.dialect.name]) else None
