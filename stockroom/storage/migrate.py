"""Migrations: bring a database to the schema of this version, and tell which revision it has."""

from pathlib import Path

import sqlalchemy as sa

from stockroom.storage.engines import open_database

_FOLDER = Path(__file__).parent / "migrations"

_current = sa.select(sa.column("version_num", sa.String)).select_from(sa.table("alembic_version"))

# Any number works, as long as all processes that migrate use the same.
_LOCK = 0x53_54_4F_43_4B


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the database at `url` to `revision`, by default `head()`, in one transaction.

    Processes that migrate at the same time wait for each other; the later ones find nothing to do.
    """
    # Imported here, so that processes that only compare revisions do not load it: it takes a tenth of the
    # start.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    # Percent signs would be read as interpolation.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    database = open_database(url, connections=1)
    try:
        # On SQLite this is BEGIN IMMEDIATE, which takes the lock; DDL is transactional there as well.
        with database.writes.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    finally:
        database.dispose()


def head() -> str:
    """The revision that this version of the code needs: the last one, as their files are numbered."""
    return max(file.name for file in (_FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]


def current(reader: sa.Connection) -> str | None:
    """The revision of the database; None if it was never migrated."""
    return reader.scalar(_current) if sa.inspect(reader).has_table("alembic_version") else None
