"""Tags and import notes without foreign keys: imports write millions of them, beside what they belong to."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, column in (("item_tags", "item_id"), ("import_keys", "task_id")):
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_{column}", type_="foreignkey")
