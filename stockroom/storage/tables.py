"""All tables. The same on SQLite and PostgreSQL; migrations/ makes them, these describe them to queries."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def stored(time: datetime) -> int:
    """The form of an aware `time` in the database: milliseconds since the epoch, begun ones left out."""
    return (time - EPOCH) // MILLISECOND


class Moment(sa.types.TypeDecorator[datetime]):
    """A point in time: milliseconds since the epoch in the database, an aware UTC datetime in Python."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else stored(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MILLISECOND


# SQLite gives an automatic key to INTEGER alone, and it holds 64 bits there.
BigKey = sa.BigInteger().with_variant(sa.Integer, "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("username", sa.String(40), primary_key=True),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("role", sa.String(10), nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.CheckConstraint("role IN ('viewer', 'clerk', 'manager', 'admin')", name="role"),
)

login_failures = sa.Table(
    "login_failures",
    metadata,
    # No foreign key: names that do not exist are counted too, so that nobody learns which do.
    sa.Column("username", sa.String(40), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", Moment, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("username", sa.ForeignKey("users.username"), nullable=False, index=True),
    # What a login narrowed itself to, space separated; refreshing must not widen it (RFC 6749, 6). NULL: all.
    sa.Column("scope", sa.String(200)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("session_id", sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("used_at", Moment),
)

revocations = sa.Table(
    "revocations",
    metadata,
    # The feed every process polls: ended sessions, until their last access token has expired.
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("session_id", sa.String(36), nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
    sqlite_autoincrement=True,
)

items = sa.Table(
    "items",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("sku", sa.String(64), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("description", sa.String(2000)),
    sa.Column("unit", sa.String(20), nullable=False),
    sa.Column("reorder_point", sa.BigInteger),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.CheckConstraint("reorder_point >= 0", name="reorder_point"),
    sa.CheckConstraint("version >= 1", name="version"),
    sa.Index("ix_items_name_sku", "name", "sku"),
    sa.Index("ix_items_created_at_sku", "created_at", "sku"),
    sa.Index("ix_items_updated_at_sku", "updated_at", "sku"),
    # Few are archived: their list must not look at all others, nor a count of the others at each row.
    sa.Index(
        "ix_items_archived_id",
        "id",
        sqlite_where=sa.text("archived = 1"),
        postgresql_where=sa.text("archived"),
    ),
)
# SQLite has no such index, and reads all items for a search. Of entries that wait to be merged into it
# there is room for what an import writes until a worker comes by (storage.item_search).
sa.Index(
    "ix_items_trigrams",
    sa.func.item_trigrams(items.c.sku, items.c.name),
    postgresql_using="gin",
    postgresql_with={"gin_pending_list_limit": 16_384},
).ddl_if(dialect="postgresql")

item_tags = sa.Table(
    "item_tags",
    metadata,
    # No foreign key: items are never deleted, and to check it for each tag took a sixth of an import.
    sa.Column("item_id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("tag", sa.String(40), primary_key=True),
    # The item's, which never changes: the items of a tag are listed in its order.
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Index("ix_item_tags_tag_sku_item_id", "tag", "sku", "item_id"),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("owner", sa.ForeignKey("users.username"), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger),
    sa.Column("errors", sa.BigInteger, nullable=False),
    sa.Column("summary", sa.JSON),
    sa.Column("failure", sa.String(500)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    # The lease: who holds it writes with its fence, and a higher fence refuses every earlier holder.
    sa.Column("fence", sa.Integer, nullable=False),
    # Claims since the last progress: work that fails its worker each time must not be tried for ever.
    sa.Column("claims", sa.Integer, nullable=False),
    sa.Column("lease_until", Moment),
    sa.Column("published_at", Moment),
    sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"),
    sa.Index("ix_tasks_owner_created_at", "owner", "created_at", "id"),
    sa.Index("ix_tasks_state", "state"),
)

task_errors = sa.Table(
    "task_errors",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("task_id", sa.ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("column", sa.String(100)),
    sa.Column("reason", sa.String(300), nullable=False),
    sa.Column("value", sa.String(100)),
    sa.CheckConstraint("kind IN ('rejected', 'merged')", name="kind"),
    sa.Index("ix_task_errors_task_id_id", "task_id", "id"),
)

import_keys = sa.Table(
    "import_keys",
    metadata,
    # What a running import has met so far: a repeated code is known in a dry run and after a restart too.
    # No foreign key, as for tags; tasks are not deleted either, and housekeeping removes these rows.
    sa.Column("task_id", sa.String(36), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    # What the file did to this item so far, so that an item counts once however often the file repeats it.
    sa.Column("outcome", sa.String(9), nullable=False),
    sa.CheckConstraint("outcome IN ('created', 'updated', 'unchanged')", name="outcome"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("caller", sa.String(40), primary_key=True),
    sa.Column("operation", sa.String(100), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False, index=True),
)

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
    # What the ledger adds up to. `reserved` is the sum of the reservation lines that are `held`.
    sa.Column("item_id", sa.ForeignKey("items.id"), primary_key=True),
    sa.Column("location_id", sa.ForeignKey("locations.id"), primary_key=True),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False),
    # The item's, which never changes. Levels are listed in its order, and many items may have none.
    sa.Column("sku", sa.String(64), nullable=False),
    sa.CheckConstraint("on_hand <= 1000000000000000", name="on_hand"),
    sa.CheckConstraint("reserved >= 0 AND reserved <= on_hand", name="reserved"),
    # Without the item's id, or PostgreSQL takes it for as good as the primary key to find a level by.
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
    # The movement's: the ledger of an item or a location is listed in its order, and from any time on.
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
    # Whether the level counts it as reserved. An expired line is let go by whoever needs the stock first.
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

# The summary is `totals` and `additions`, brought up to date by what has become of the items that are
# `untallied` since their tally (storage.tallies). Triggers note all that; rows are only added, so that no
# writer waits for another.
tallies = sa.Table(
    "tallies",
    metadata,
    # No foreign key: items are never deleted, and checking it would take longer than the rest.
    sa.Column("item_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("low", sa.Boolean, nullable=False),
    sa.Index("ix_tallies_low", "item_id", sqlite_where=sa.text("low = 1"), postgresql_where=sa.text("low")),
)

untallied = sa.Table(
    "untallied",
    metadata,
    # An item may stand here many times: to find out would have writers wait for each other.
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("item_id", sa.BigInteger, nullable=False),
)

additions = sa.Table(
    "additions",
    metadata,
    # What new items come to, a row for each statement that added some: they are tallied by the trigger.
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("archived_items", sa.BigInteger, nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("low_stock", sa.BigInteger, nullable=False),
)

totals = sa.Table(
    "totals",
    metadata,
    # One row, or none: with `additions` it is the sum of all tallies.
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("items", sa.BigInteger, nullable=False),
    sa.Column("archived_items", sa.BigInteger, nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("low_stock", sa.BigInteger, nullable=False),
    sa.CheckConstraint("id = 1", name="id"),
)
