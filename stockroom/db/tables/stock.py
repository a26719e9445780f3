"""Locations, and the stock there: levels, the ledger, reservations."""

import sqlalchemy as sa

from stockroom.db.tables.columns import BigKey, Moment, metadata

locations = sa.Table(
    "locations",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("code", sa.String(40), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("description", sa.String(2000)),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.CheckConstraint("version >= 1", name="version"),
    sa.Index("ix_locations_name_code", "name", "code"),
)

levels = sa.Table(
    "levels",
    metadata,
    # The sums of the ledger's lines. `reserved` is the sum of the reservation lines that are `held`.
    sa.Column("item_id", sa.ForeignKey("items.id"), primary_key=True),
    sa.Column("location_id", sa.ForeignKey("locations.id"), primary_key=True),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    # Copied from the item, where it never changes. Levels are listed in its order, and many items may have
    # none.
    sa.Column("sku", sa.String(64), nullable=False),
    sa.CheckConstraint("on_hand <= 1000000000000000", name="on_hand"),
    sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved"),
    # Without the item's id: PostgreSQL would use this index like the primary key to find a level.
    sa.Index("ix_levels_location_id_sku", "location_id", "sku"),
    sa.Index("ix_levels_sku", "sku"),
)

movements = sa.Table(
    "movements",
    metadata,
    # Append-only: triggers refuse every UPDATE and DELETE.
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("reference", sa.String(100)),
    sa.Column("note", sa.String(1000)),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.ForeignKey("users.username"), nullable=False),
    sa.Column("reverses", sa.ForeignKey("movements.id"), unique=True),
    sa.CheckConstraint(
        "kind IN ('receipt', 'issue', 'transfer', 'adjustment', 'count', 'reversal')", name="kind"
    ),
    sa.CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name="reverses"),
    sa.Index("ix_movements_created_at_id", "created_at", "id"),
    sa.Index("ix_movements_kind_created_at_id", "kind", "created_at", "id"),
    sa.Index("ix_movements_reference_id", "reference", "id"),
)

movement_lines = sa.Table(
    "movement_lines",
    metadata,
    # Append-only, as movements are.
    sa.Column("movement_id", sa.ForeignKey("movements.id"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("item_id", sa.ForeignKey("items.id"), nullable=False),
    sa.Column("location_id", sa.ForeignKey("locations.id"), nullable=False),
    sa.Column("delta", sa.BigInteger, nullable=False),
    # Copied from the movement: the ledger of an item or a location is listed in its order, and by time.
    sa.Column("created_at", Moment, nullable=False),
    sa.CheckConstraint("delta <> 0", name="delta"),
    sa.Index("ix_movement_lines_item_id_created_at_movement_id", "item_id", "created_at", "movement_id"),
    sa.Index(
        "ix_movement_lines_location_id_created_at_movement_id", "location_id", "created_at", "movement_id"
    ),
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("reference", sa.String(100)),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("created_by", sa.ForeignKey("users.username"), nullable=False),
    sa.Column("closed_at", Moment),
    sa.Column("movement_id", sa.ForeignKey("movements.id"), unique=True),
    sa.CheckConstraint("state IN ('held', 'released', 'fulfilled', 'expired')", name="state"),
    sa.CheckConstraint("(state = 'held') = (closed_at IS NULL)", name="closed_at"),
    sa.CheckConstraint("(state = 'fulfilled') = (movement_id IS NOT NULL)", name="movement_id"),
    sa.Index("ix_reservations_state_expires_at", "state", "expires_at"),
    sa.Index("ix_reservations_created_at_id", "created_at", "id"),
    sa.Index("ix_reservations_reference_created_at", "reference", "created_at"),
)

reservation_lines = sa.Table(
    "reservation_lines",
    metadata,
    sa.Column("reservation_id", sa.ForeignKey("reservations.id"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("item_id", sa.ForeignKey("items.id"), nullable=False),
    sa.Column("location_id", sa.ForeignKey("locations.id"), nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    # Whether the level counts it as reserved. An expired line is released by whoever needs the stock first.
    sa.Column("held", sa.Boolean, nullable=False),
    sa.CheckConstraint("quantity > 0", name="quantity"),
    sa.Index(
        "ix_reservation_lines_held",
        "item_id",
        "location_id",
        sqlite_where=sa.text("held"),
        postgresql_where=sa.text("held"),
    ),
)
