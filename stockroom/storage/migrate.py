"""Migrations: bring a database to the schema of this version, and tell which one it has."""

from pathlib import Path

import sqlalchemy as sa

from stockroom.storage.engines import open_database

_FOLDER = Path(__file__).parent / "migrations"

_current = sa.select(sa.column("version_num", sa.String)).select_from(sa.table("alembic_version"))

# Any number will do, as long as every process that migrates takes the same.
_LOCK = 0x53_54_4F_43_4B


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`, by default `head()`: all steps or none, in one transaction.

    Processes that migrate at the same time wait for each other; the later ones find nothing left to do.
    """
    # Here, so that those who only compare revisions do not load it: it takes a tenth of the start.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    # Percent signs would be taken for interpolation.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    database = open_database(url, connections=1)
    try:
        # On SQLite this begins IMMEDIATE, which is the lock; DDL is transactional there as well.
        with database.writes.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        database.dispose()


def head() -> str:
    """The revision this version of the code works with: the last one, as their files are numbered."""
    return max(file.name for file in (_FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]


def current(reader: sa.Connection) -> str | None:
    """The revision of the database; None for one that was never migrated."""
    return reader.scalar(_current) if sa.inspect(reader).has_table("alembic_version") else None
