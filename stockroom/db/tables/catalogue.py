"""Items and their tags."""

import sqlalchemy as sa

from stockroom.db.tables.columns import BigKey, Moment, metadata

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
    # Few items are archived: a partial index spares their list, and counts of the others, a look at all
    # items.
    sa.Index(
        "ix_items_archived_id",
        "id",
        sqlite_where=sa.text("archived = 1"),
        postgresql_where=sa.text("archived"),
    ),
)
# SQLite has no such index and scans all items for a search. The pending list has room for the entries that an
# import writes until a worker merges them (items.search).
sa.Index(
    "ix_items_trigrams",
    sa.func.item_trigrams(items.c.sku, items.c.name),
    postgresql_using="gin",
    postgresql_with={"gin_pending_list_limit": 16_384},
).ddl_if(dialect="postgresql")

item_tags = sa.Table(
    "item_tags",
    metadata,
    # No foreign key: items are never deleted, and checking it for each tag took a sixth of an import.
    sa.Column("item_id", BigKey, primary_key=True, autoincrement=False),
    sa.Column("tag", sa.String(40), primary_key=True),
    # Copied from the item, where it never changes: the items of a tag are listed in its order.
    sa.Column("sku", sa.String(64), nullable=False),
    sa.Index("ix_item_tags_tag_sku_item_id", "tag", "sku", "item_id"),
)
