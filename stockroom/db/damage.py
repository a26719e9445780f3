"""A database that is damaged, as far as it notices."""

import sqlalchemy as sa


class Damaged(sa.exc.OperationalError):
    """The database has found that what it holds is not what was written."""
