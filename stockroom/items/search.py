"""Searches of items: by text in SKU or name, by tag; and the indexes that serve them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.lists import holding, is_one_of, pattern
from stockroom.db.tables import item_tags, items
from stockroom.frozen import frozen

_Query = sa.Select[*tuple[Any, ...]]
_Condition = sa.ColumnElement[bool]

_merge = sa.text(
    "SELECT gin_clean_pending_list(oid) FROM pg_class"
    " WHERE oid = to_regclass('ix_items_trigrams') AND pg_has_role(relowner, 'USAGE')"
)

carrying: _Query = sa.select(item_tags.c.item_id).where(item_tags.c.tag == sa.bindparam("tag"))
"""The ids of items that have the tag, archived or not."""


@frozen
class Search:
    """Items that are archived or not; `by_text` and `by_tag` add a text in SKU or name, and a tag.

    `given` makes the values of the bind parameters.
    """

    archived: bool
    by_text: bool = False
    by_tag: bool = False

    def conditions(self) -> Iterator[_Condition]:
        """The conditions that select the items."""
        yield self.is_listed()
        if self.by_text:
            yield holding(items.c.name, items.c.sku)
        if self.by_tag:
            # With EXISTS, SQLite would test every item, however few have the tag.
            yield items.c.id.in_(carrying)

    def is_listed(self) -> _Condition:
        """Archived or not, in the form that the partial index on archived items has."""
        return items.c.archived if self.archived else sa.not_(items.c.archived)

    def tests(self, rows: sa.FromClause) -> Iterator[_Condition]:
        """The other conditions on `rows` of id, SKU and name, in a form that PostgreSQL tests row by row."""
        if self.by_text:
            yield sa.case((holding(rows.c.name, rows.c.sku), sa.true()), else_=sa.false())
        if self.by_tag:
            tag = item_tags.c.tag == sa.bindparam("tag")
            carried = sa.select(sa.true()).where(item_tags.c.item_id == rows.c.id, tag)
            yield sa.func.coalesce(carried.scalar_subquery(), sa.false())

    def tagged(self) -> _Query:
        """The items of the tag, without regard to a text; a partial index tells the archived ones without
        reading rows.
        """
        archived = sa.exists().where(items.c.id == item_tags.c.item_id, items.c.archived)
        return carrying.where(archived if self.archived else sa.not_(archived))


def given(q: str | None, tag: str | None) -> dict[str, object]:
    """The values of a search's bind parameters."""
    values: dict[str, object] = {}
    if q is not None:
        values |= {"q": q, "pattern": pattern(q)}
    if tag is not None:
        values["tag"] = tag
    return values


def is_tagged() -> _Condition:
    """The items of the tag, looked up one by one; for PostgreSQL."""
    return is_one_of(items.c.id, carrying, "postgresql")


def may_hold() -> _Condition:
    """Items with all trigrams of the text: all that contain it, and maybe others; for PostgreSQL."""
    trigrams = sa.func.item_trigrams(items.c.sku, items.c.name)
    return trigrams.bool_op("@@")(sa.func.trigram_query(sa.bindparam("q", type_=sa.String)))


def merge_pending(connection: Connection) -> None:
    """Merge the pending list of PostgreSQL's trigram index, where it keeps new entries, into the index.

    Every search reads that list, and the writer that fills it up merges it. Only the index's owner may merge.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_merge)
