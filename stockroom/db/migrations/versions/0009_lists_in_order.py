"""Tags know the SKU of their item and lines the time of their movement, to be listed in that order."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


_FILL_TAGS = "UPDATE item_tags SET sku = (SELECT sku FROM items WHERE id = item_id)"
_FILL_LINES = """
    UPDATE movement_lines SET created_at = (SELECT created_at FROM movements WHERE id = movement_id)
"""


def upgrade() -> None:
    _tags()
    _lines()


def _tags() -> None:
    _add("item_tags", sa.Column("sku", sa.String(64)), _FILL_TAGS)
    op.create_index("ix_item_tags_tag_sku_item_id", "item_tags", ["tag", "sku", "item_id"])
    op.drop_index("ix_item_tags_tag_item_id", "item_tags")


def _lines() -> None:
    with _without_triggers("movement_lines"):
        _add("movement_lines", sa.Column("created_at", sa.BigInteger()), _FILL_LINES)
    for about in ("item_id", "location_id"):
        columns = [about, "created_at", "movement_id"]
        op.create_index(f"ix_movement_lines_{'_'.join(columns)}", "movement_lines", columns)
        op.drop_index(f"ix_movement_lines_{about}_movement_id", "movement_lines")


def _add(table: str, column: sa.Column[Any], fill: str) -> None:
    op.add_column(table, column)
    op.execute(fill)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, nullable=False)


@contextmanager
def _without_triggers(table: str) -> Iterator[None]:
    """Lines are never changed, for which triggers see; to change a column SQLite makes the table anew."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    made = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    triggers = connection.execute(made, {"table": table}).all()
    for name, _ in triggers:
        op.execute(f"DROP TRIGGER {name}")
    yield
    for _, statement in triggers:
        op.execute(statement)
