"""What each item adds to the summary, as last tallied, and which items have changed since."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("item_id", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", name="pk_tallies"),
    )
    op.create_index(
        "ix_tallies_low",
        "tallies",
        ["item_id"],
        sqlite_where=sa.text("low = 1"),
        postgresql_where=sa.text("low"),
    )
    op.create_table(
        "untallied",
        sa.Column("id", _KEY, nullable=False, autoincrement=True),
        sa.Column("item_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_untallied"),
    )
    op.create_table(
        "totals",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("items", sa.BigInteger(), nullable=False),
        sa.Column("archived_items", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("low_stock", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_totals"),
        sa.CheckConstraint("id = 1", name="ck_totals_id"),
    )
    for table, key in (("items", "id"), ("levels", "item_id")):
        _note(table, key)
    op.execute(_TALLY)
    op.execute(_ADD_UP)


def _note(table: str, key: str) -> None:
    """Have the database note the items of rows that are inserted or updated. Nothing deletes any."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"""
            CREATE FUNCTION note_untallied_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO untallied (item_id) SELECT DISTINCT {key} FROM changed;
                RETURN NULL;
            END
            $$
        """)  # noqa: S608 - all names are our own
    for change in ("INSERT", "UPDATE"):
        trigger = f"CREATE TRIGGER {table}_untallied_{change.lower()} AFTER {change} ON {table}"
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"{trigger} REFERENCING NEW TABLE AS changed "
                f"FOR EACH STATEMENT EXECUTE FUNCTION note_untallied_{table}()"
            )
        else:
            op.execute(f"{trigger} BEGIN INSERT INTO untallied (item_id) VALUES (new.{key}); END")  # noqa: S608 - see above


_TALLY = """
    INSERT INTO tallies (item_id, archived, on_hand, low)
    SELECT id, archived, total, reorder_point IS NOT NULL AND total <= reorder_point
    FROM (
        SELECT items.id, archived, reorder_point, CAST(coalesce(sum(on_hand), 0) AS bigint) AS total
        FROM items LEFT JOIN levels ON item_id = items.id
        GROUP BY items.id
    ) AS each
"""
_ADD_UP = """
    INSERT INTO totals (id, items, archived_items, units, low_stock)
    SELECT 1, count(*) FILTER (WHERE NOT archived), count(*) FILTER (WHERE archived),
        CAST(coalesce(sum(on_hand), 0) AS bigint), count(*) FILTER (WHERE low AND NOT archived)
    FROM tallies
"""
