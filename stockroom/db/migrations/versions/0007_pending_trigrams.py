"""Room for new entries of the index of trigrams: a worker merges them, and not who fills the list."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # 16 MB, in kilobytes: some 25,000 items.
        op.execute("ALTER INDEX ix_items_trigrams SET (gin_pending_list_limit = 16384)")
