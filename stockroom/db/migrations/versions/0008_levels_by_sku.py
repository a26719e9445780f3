"""Levels are listed by their own SKU: by the items', those that have no level were all looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("levels", sa.Column("sku", sa.String(64)))
    _fill()
    op.create_index("ix_levels_sku", "levels", ["sku"])
    op.create_index("ix_levels_location_id_sku", "levels", ["location_id", "sku"])
    op.drop_index("ix_levels_location_id", "levels")


def _fill() -> None:
    """Without the triggers, for which every item would have changed."""
    fill = "UPDATE levels SET sku = (SELECT sku FROM items WHERE id = item_id)"
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE levels DISABLE TRIGGER levels_untallied_update")
        op.execute(fill)
        op.execute("ALTER TABLE levels ENABLE TRIGGER levels_untallied_update")
        op.alter_column("levels", "sku", nullable=False)
        return
    made = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'levels'"
    triggers = connection.execute(sa.text(made)).all()
    for name, _ in triggers:
        op.execute(f"DROP TRIGGER {name}")
    op.execute(fill)
    with op.batch_alter_table("levels") as batch:
        batch.alter_column("sku", nullable=False)
    for _, statement in triggers:
        op.execute(statement)
