"""Tasks are taken in turn, and an account's are counted: when each was claimed, and the bytes of its file."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The size of files that are there already is not known; they are gone within a day. Processes of the
    # version before write none.
    op.add_column("tasks", sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("tasks", sa.Column("claimed_at", sa.BigInteger()))
    op.drop_index("ix_tasks_state", "tasks")
    op.create_index("ix_tasks_state_owner_finished_at", "tasks", ["state", "owner", "finished_at"])
    op.create_index("ix_tasks_owner_claimed_at", "tasks", ["owner", "claimed_at"])
