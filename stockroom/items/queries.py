"""Queries of single items and of pages of items, each with its tags."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS, JsonRows
from stockroom.db.lists import orders
from stockroom.db.pages import Listing, Page, PageRequest, SortKey, paginate
from stockroom.db.statements import Row
from stockroom.db.tables import item_tags, items
from stockroom.db.unit_of_work import Work
from stockroom.items import search_pages
from stockroom.items.model import Item
from stockroom.items.search import Search, given
from stockroom.items.search_plans import SearchPlans

Query = sa.Select[*tuple[Any, ...]]

_columns = (
    items.c.sku,
    items.c.name,
    items.c.description,
    items.c.unit,
    items.c.reorder_point,
    items.c.archived,
    items.c.version,
    items.c.created_at,
    items.c.updated_at,
)
_sku = items.c.sku == sa.bindparam("key")

_own = item_tags.c.item_id == items.c.id

# FOR NO KEY UPDATE waits for movements of the item's stock, which share the lock (stock.level_locks), and
# does not block foreign keys. SQLite has one writer.
_lock = sa.select(*_columns).where(_sku).with_for_update(key_share=True)
_tags = sa.select(item_tags.c.tag).join_from(item_tags, items, _own).where(_sku)
# PostgreSQL's construct also compiles for SQLite, with the same syntax.
_insert = postgresql.insert(items).on_conflict_do_nothing().returning(items.c.id)
_update = sa.update(items).where(_sku).returning(items.c.id)
_insert_tags = {
    dialect: sa.insert(item_tags).from_select(
        list(item_tags.c), sa.select(*map(JsonRows(dialect).value, item_tags.c))
    )
    for dialect in DIALECTS
}


def _inserting_with_tags() -> sa.Select[int]:
    """Item and tags in one statement of PostgreSQL: two would take two round trips."""
    given = {c: sa.bindparam(c.name, type_=c.type) for c in _columns}
    added = _insert.values(given).returning(items.c.sku).cte("added")
    tags = JsonRows("postgresql", "tags")
    rows = sa.select(added.c.id, tags.value(item_tags.c.tag), added.c.sku)
    rows = rows.join_from(added, tags.elements, sa.true())
    tagged = sa.insert(item_tags).from_select(list(item_tags.c), rows).cte("tagged")
    return sa.select(added.c.id).add_cte(tagged)


_insert_with_tags = _inserting_with_tags()
_forget_tags = sa.delete(item_tags).where(item_tags.c.item_id == sa.bindparam("item"))

# No tag contains a comma (contract: Tag).
collected_tags = (
    sa.select(sa.func.aggregate_strings(item_tags.c.tag, ",")).where(_own).scalar_subquery().label("tags")
)
_list = sa.select(*_columns, collected_tags)
_TAGS = len(_columns)
"""Their indices in a row of `_list`: access by name takes ten times as long."""
_find = _list.where(_sku)

ORDERS = orders(items, ("sku", "name", "created_at", "updated_at"), unique="sku")
"""Orders by their name in the contract."""


def find(reader: Connection, sku: str) -> Item | None:
    """Read one item, in one query."""
    row = reader.execute(_find, {"key": sku}).one_or_none()
    return None if row is None else _listed(row)


def page(
    reader: Connection, request: PageRequest, *, q: str | None, tag: str | None, archived: bool, sort: str
) -> Page[Item]:
    """Read a page of the items, in one of `ORDERS`; `q` is searched for in SKU and name."""
    search, values = Search(archived, q is not None, tag is not None), given(q, tag)
    if search == Search(archived, by_tag=True) and sort.removeprefix("-") == "sku":
        listing = _tagged(archived=archived, sort=sort)
    # PostgreSQL rejects NUL, and no item contains it.
    elif search == Search(archived) or reader.dialect.name == "sqlite" or "\0" in (q or ""):
        listing = _listing(search, sort)
    else:
        plans = _plans(search, sort, after=request.cursor is not None)
        return search_pages.page(reader, plans, request=request, values=values, read=_listed)
    return paginate(reader, listing, request=request, read=_listed, values=values)


@cache
def _listing(search: Search, sort: str) -> Listing:
    return Listing(_list.where(*search.conditions()), ORDERS[sort])


@cache
def _plans(search: Search, sort: str, *, after: bool) -> SearchPlans:
    return SearchPlans(_list, search, ORDERS[sort], after=after)


@cache
def _tagged(*, archived: bool, sort: str) -> Listing:
    """The items of the tag bound as `tag`, by the index of tags, which is in the order of SKUs."""
    listed = item_tags.alias("listed")
    sku = listed.c.sku.label("tagged_sku")
    search = Search(archived, by_tag=True)
    query = _list.add_columns(sku).join(listed, listed.c.item_id == items.c.id)
    query = query.where(listed.c.tag == sa.bindparam("tag"), search.is_listed())
    return Listing(query, [SortKey(sku, descending=sort == "-sku")], search.tagged())


def filtered(query: Query, *, q: str | None, tag: str | None, archived: bool) -> Query:
    """Restrict `query` to the items that match (contract: GET /items); all of them are to be read."""
    search = Search(archived, q is not None, tag is not None)
    return query.where(*search.conditions()).params(given(q, tag))


def lock(connection: Connection, sku: str) -> Item | None:
    """Read one item, and lock it against changes and movements of its stock until the transaction ends."""
    row = connection.execute(_lock, {"key": sku}).one_or_none()
    # Only a statement that starts after the wait for the lock sees the other writer's tags.
    return None if row is None else _item(row, connection.scalars(_tags, {"key": sku}))


def insert(work: Work, item: Item) -> bool:
    """Insert an item; False if its SKU is taken, also by a transaction that has just committed.

    Nothing else may be written by the `work`.
    """
    if work.dialect == "postgresql":
        tags = [{"tag": tag} for tag in item.tags]
        return work.alone(_insert_with_tags, {**_values(item), "tags": tags}) is not None
    connection = work.connection
    key = connection.scalar(_insert, _values(item))
    if key is not None:
        add_tags(connection, [(key, item.sku, item.tags)])
    return key is not None


def save(connection: Connection, before: Item, after: Item) -> None:
    """Replace a locked item by its next version."""
    key = connection.scalar(_update, {"key": before.sku, **_values(after)})
    if key is not None and before.tags != after.tags:
        connection.execute(_forget_tags, {"item": key})
        add_tags(connection, [(key, after.sku, after.tags)])


def add_tags(connection: Connection, tags: Iterable[tuple[int, str, Iterable[str]]]) -> None:
    """Add tags to new items: each is given as id, SKU and tags."""
    if rows := [{"item_id": key, "sku": sku, "tag": tag} for key, sku, own in tags for tag in own]:
        connection.execute(_insert_tags[connection.dialect.name], {"rows": rows})


def _values(item: Item) -> dict[str, object]:
    return {column.name: getattr(item, column.name) for column in _columns}


def _listed(row: Row) -> Item:
    tags = row[_TAGS]
    return _item(row, tags.split(",") if tags else ())


def _item(row: Row, tags: Iterable[str]) -> Item:
    sku, name, description, unit, reorder_point, archived, version, created_at, updated_at, *_ = row
    listed = tuple(sorted(tags))
    return Item(
        sku, name, description, unit, reorder_point, listed, archived, version, created_at, updated_at
    )
