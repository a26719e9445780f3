"""Imports cost less: fewer foreign keys, a smaller index of levels, and new items are tallied at once."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for table, column in (("item_tags", "item_id"), ("import_keys", "task_id")):
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(f"fk_{table}_{column}", type_="foreignkey")
    op.drop_index("ix_levels_location_id_item_id", "levels")
    op.create_index("ix_levels_location_id", "levels", ["location_id"])
    op.create_table(
        "additions",
        sa.Column("id", _KEY, nullable=False, autoincrement=True),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("archived_items", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("low_stock", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_additions"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER items_untallied_insert ON items")
        op.execute(_TALLY_NEW)
        op.execute(
            "CREATE TRIGGER items_tallied_insert AFTER INSERT ON items REFERENCING NEW TABLE AS added "
            "FOR EACH STATEMENT EXECUTE FUNCTION tally_new_items()"
        )
    else:
        op.execute("DROP TRIGGER items_untallied_insert")
        op.execute(f"CREATE TRIGGER items_tallied_insert AFTER INSERT ON items BEGIN {_TALLY_NEW_ONE} END")


# There is nothing of them anywhere yet.
_TALLY_NEW = """
    CREATE FUNCTION tally_new_items() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO tallies (item_id, archived, on_hand, low)
        SELECT id, archived, 0, reorder_point IS NOT NULL FROM added;
        INSERT INTO additions (items, archived_items, units, low_stock)
        SELECT count(*) FILTER (WHERE NOT archived), count(*) FILTER (WHERE archived), 0,
            count(*) FILTER (WHERE reorder_point IS NOT NULL AND NOT archived)
        FROM added HAVING count(*) > 0;
        RETURN NULL;
    END
    $$
"""
_TALLY_NEW_ONE = """
    INSERT INTO tallies (item_id, archived, on_hand, low)
    VALUES (new.id, new.archived, 0, new.reorder_point IS NOT NULL);
    INSERT INTO additions (items, archived_items, units, low_stock)
    VALUES (NOT new.archived, new.archived, 0, new.reorder_point IS NOT NULL AND NOT new.archived);
"""
