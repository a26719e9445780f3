"""The summary: `totals` and `additions`, brought up to date from the items that are `untallied` since they
were last counted (stock.item_totals).

Triggers only add rows here, so that no writer waits for another.
"""

import sqlalchemy as sa

from stockroom.db.tables.columns import BigKey, metadata

tallies = sa.Table(
    "tallies",
    metadata,
    # No foreign key: items are never deleted, and checking it would take longer than all else.
    sa.Column("item_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("on_hand", sa.BigInteger, nullable=False),
    sa.Column("low", sa.Boolean, nullable=False),
    sa.Index("ix_tallies_low", "item_id", sqlite_where=sa.text("low = 1"), postgresql_where=sa.text("low")),
)

untallied = sa.Table(
    "untallied",
    metadata,
    # An item may be here several times: a unique key would make writers wait for each other.
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("item_id", sa.BigInteger, nullable=False),
)

additions = sa.Table(
    "additions",
    metadata,
    # The figures of new items, one row for each statement that added some: the trigger counts them at once.
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
