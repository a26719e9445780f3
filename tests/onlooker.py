"""A database seen past the service: by SQLAlchemy's own means, each statement by itself."""

import sqlalchemy as sa


def onlooker(url: str, *, database: str | None = None) -> sa.Engine:
    """An engine for the database at `url`, or for another one on the same PostgreSQL."""
    known = sa.make_url(url)
    if known.get_backend_name() == "postgresql":
        known = known.set(drivername="postgresql+psycopg")
    if database:
        known = known.set(database=database)
    return sa.create_engine(known, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
