"""The metadata of all tables, and column types that convert values."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def stored(time: datetime) -> int:
    """The stored form of an aware `time`: whole milliseconds since the epoch, rounded down."""
    return (time - EPOCH) // MILLISECOND


class Moment(sa.types.TypeDecorator[datetime]):
    """A time: milliseconds since the epoch in the database, an aware UTC datetime in Python."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else stored(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MILLISECOND


# SQLite generates keys only for INTEGER, which has 64 bits there.
BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)
