"""The ledger: locations, levels, movements that nobody changes afterwards, reservations."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# A migration tells what was, so it shares no definition with tables/, which tells what is.
# Times are milliseconds since the epoch.
_MOMENT = sa.BigInteger()
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _locations()
    _levels()
    _movements()
    _movement_lines()
    _reservations()
    _reservation_lines()
    _append_only("movements")
    _append_only("movement_lines")


def _locations() -> None:
    op.create_table(
        "locations",
        sa.Column("id", _KEY, nullable=False, autoincrement=True),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.String(2000)),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_locations"),
        sa.UniqueConstraint("code", name="uq_locations_code"),
        sa.CheckConstraint("version >= 1", name="ck_locations_version"),
    )
    op.create_index("ix_locations_name_code", "locations", ["name", "code"])


def _levels() -> None:
    op.create_table(
        "levels",
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("location_id", _KEY, nullable=False),
        sa.Column("on_hand", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "location_id", name="pk_levels"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_levels_item_id"),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name="fk_levels_location_id"),
        sa.CheckConstraint("on_hand <= 1000000000000000", name="ck_levels_on_hand"),
        sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="ck_levels_reserved"),
    )
    op.create_index("ix_levels_location_id_item_id", "levels", ["location_id", "item_id"])


def _movements() -> None:
    op.create_table(
        "movements",
        sa.Column("id", _KEY, nullable=False, autoincrement=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("reference", sa.String(100)),
        sa.Column("note", sa.String(1000)),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(40), nullable=False),
        sa.Column("reverses", _KEY),
        sa.PrimaryKeyConstraint("id", name="pk_movements"),
        sa.UniqueConstraint("reverses", name="uq_movements_reverses"),
        sa.ForeignKeyConstraint(["created_by"], ["users.username"], name="fk_movements_created_by"),
        sa.ForeignKeyConstraint(["reverses"], ["movements.id"], name="fk_movements_reverses"),
        sa.CheckConstraint(
            "kind IN ('receipt', 'issue', 'transfer', 'adjustment', 'count', 'reversal')",
            name="ck_movements_kind",
        ),
        sa.CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name="ck_movements_reverses"),
    )
    op.create_index("ix_movements_created_at_id", "movements", ["created_at", "id"])
    op.create_index("ix_movements_kind_id", "movements", ["kind", "id"])
    op.create_index("ix_movements_reference_id", "movements", ["reference", "id"])


def _movement_lines() -> None:
    op.create_table(
        "movement_lines",
        sa.Column("movement_id", _KEY, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("location_id", _KEY, nullable=False),
        sa.Column("delta", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("movement_id", "line", name="pk_movement_lines"),
        sa.ForeignKeyConstraint(["movement_id"], ["movements.id"], name="fk_movement_lines_movement_id"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_movement_lines_item_id"),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name="fk_movement_lines_location_id"),
        sa.CheckConstraint("delta <> 0", name="ck_movement_lines_delta"),
    )
    op.create_index("ix_movement_lines_item_id_movement_id", "movement_lines", ["item_id", "movement_id"])
    op.create_index(
        "ix_movement_lines_location_id_movement_id", "movement_lines", ["location_id", "movement_id"]
    )


def _reservations() -> None:
    op.create_table(
        "reservations",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reference", sa.String(100)),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("created_by", sa.String(40), nullable=False),
        sa.Column("closed_at", _MOMENT),
        sa.Column("movement_id", _KEY),
        sa.PrimaryKeyConstraint("id", name="pk_reservations"),
        sa.UniqueConstraint("movement_id", name="uq_reservations_movement_id"),
        sa.ForeignKeyConstraint(["created_by"], ["users.username"], name="fk_reservations_created_by"),
        sa.ForeignKeyConstraint(["movement_id"], ["movements.id"], name="fk_reservations_movement_id"),
        sa.CheckConstraint(
            "state IN ('held', 'released', 'fulfilled', 'expired')", name="ck_reservations_state"
        ),
        sa.CheckConstraint("(state = 'held') = (closed_at IS NULL)", name="ck_reservations_closed_at"),
        sa.CheckConstraint(
            "(state = 'fulfilled') = (movement_id IS NOT NULL)", name="ck_reservations_movement_id"
        ),
    )
    op.create_index("ix_reservations_state_expires_at", "reservations", ["state", "expires_at"])
    op.create_index("ix_reservations_created_at_id", "reservations", ["created_at", "id"])
    op.create_index("ix_reservations_reference_created_at", "reservations", ["reference", "created_at"])


def _reservation_lines() -> None:
    op.create_table(
        "reservation_lines",
        sa.Column("reservation_id", sa.String(36), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("location_id", _KEY, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("reservation_id", "line", name="pk_reservation_lines"),
        sa.ForeignKeyConstraint(
            ["reservation_id"], ["reservations.id"], name="fk_reservation_lines_reservation_id"
        ),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_reservation_lines_item_id"),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name="fk_reservation_lines_location_id"),
        sa.CheckConstraint("quantity > 0", name="ck_reservation_lines_quantity"),
    )
    op.create_index(
        "ix_reservation_lines_held",
        "reservation_lines",
        ["item_id", "location_id"],
        sqlite_where=sa.text("held"),
        postgresql_where=sa.text("held"),
    )


def _append_only(table: str) -> None:
    """Have the database refuse whatever would change or take away a row of `table`."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE)
        # For each statement: TRUNCATE has no rows, and a row costs nothing this way.
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


_REFUSE = """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
    END
    $$
"""
