"""The ledger of a kind is found by time too. The index takes the place of one without times."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_movements_kind_created_at_id", "movements", ["kind", "created_at", "id"])
    op.drop_index("ix_movements_kind_id", "movements")
