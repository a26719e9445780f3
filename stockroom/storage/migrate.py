"""Migrations: bring a database to the schema of this version, and tell which one it has."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from stockroom.storage.engines import open_database

_FOLDER = Path(__file__).parent / "migrations"

# Any number will do, as long as every process that migrates takes the same.
_LOCK = 0x53_54_4F_43_4B


def upgrade(url: str) -> None:
    """Bring the database at `url` to `head()`: all steps or none, in one transaction.

    Processes that migrate at the same time wait for each other; the later ones find nothing left to do.
    """
    database = open_database(url, connections=1)
    try:
        # On SQLite this begins IMMEDIATE, which is the lock; DDL is transactional there as well.
        with database.writes.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        database.dispose()


def head() -> str:
    """The revision this version of the code works with."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError(f"there are no migrations in {_FOLDER}")
    return revision


def current(reader: sa.Connection) -> str | None:
    """The revision of the database; None for one that was never migrated."""
    return MigrationContext.configure(reader).get_current_revision()


def _config() -> Config:
    config = Config()
    # Percent signs would be taken for interpolation.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
