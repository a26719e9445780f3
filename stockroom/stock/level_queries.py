"""What is where, read without locks: pages of levels, totals of an item, and whether there is any stock."""

from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.lists import is_one_of
from stockroom.db.pages import Listing, Page, PageRequest, SortKey, counting, paginate
from stockroom.db.statements import Row
from stockroom.db.tables import items, levels, locations, movement_lines, reservation_lines, reservations
from stockroom.stock.item_totals import perhaps_low
from stockroom.stock.model import Level, Totals

FEW = 2_000
"""The most candidates for low items that are looked up one by one."""

Query = sa.Select[*tuple[Any, ...]]


def is_low(item: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the item, a row of `items`, has no more on hand, over all locations, than its reorder point.

    Never NULL, so that NOT negates it. The primary key of the levels finds the few levels of an item.
    """
    everywhere = levels.alias("everywhere")
    total = sa.select(sa.func.coalesce(sa.func.sum(everywhere.c.on_hand), 0)).where(
        everywhere.c.item_id == item.c.id
    )
    return sa.and_(
        item.c.reorder_point.is_not(None), total.correlate(item).scalar_subquery() <= item.c.reorder_point
    )


_low = is_low(items)
_any_item = items.alias("any_item")
# Over all levels, SQLite computes this once an item, not once a level.
_among_the_low = items.c.id.in_(sa.select(_any_item.c.id).where(is_low(_any_item)))

# These lines are few, and a partial index of held lines finds them by item and location.
_expired = (
    sa.select(sa.func.coalesce(sa.func.sum(reservation_lines.c.quantity), 0))
    .join_from(reservation_lines, reservations)
    .where(
        reservation_lines.c.held,
        reservation_lines.c.item_id == levels.c.item_id,
        reservation_lines.c.location_id == levels.c.location_id,
        reservations.c.state == "held",
        reservations.c.expires_at <= sa.bindparam("now", type_=reservations.c.expires_at.type),
    )
    .correlate(levels)
    .scalar_subquery()
)
_reserved = sa.case((levels.c.reserved > 0, levels.c.reserved - _expired), else_=0)

# A level that was created for a movement that was then refused never held anything. With LIMIT, PostgreSQL
# uses the index of lines for each level; with EXISTS it may read all lines.
_first_line = (
    sa.select(sa.literal(1))
    .where(
        movement_lines.c.item_id == levels.c.item_id,
        movement_lines.c.location_id == levels.c.location_id,
    )
    .correlate(levels)
    .limit(1)
    .scalar_subquery()
)
_held_some = sa.or_(levels.c.on_hand > 0, _first_line.is_not(None))

_list = (
    sa.select(
        levels.c.sku,
        locations.c.code,
        levels.c.on_hand,
        _reserved.label("reserved"),
        items.c.reorder_point,
        _low.label("low"),
    )
    .join_from(levels, items)
    .join(locations)
    .where(_held_some)
)
_at = sa.select(locations.c.id).where(locations.c.code == sa.bindparam("code")).scalar_subquery()
_order = (SortKey(levels.c.sku), SortKey(locations.c.code))
_some_low = counting(sa.select(perhaps_low.subquery()))

_totals = (
    sa.select(sa.func.sum(levels.c.on_hand).label("on_hand"), sa.func.sum(_reserved).label("reserved"))
    .outerjoin_from(items, levels)
    .where(items.c.sku == sa.bindparam("sku"))
    .group_by(items.c.id)
)

# `reserved` never exceeds `on_hand`, so this is sufficient.
_any_of_item = sa.select(
    sa.exists()
    .where(levels.c.item_id == items.c.id, levels.c.on_hand > 0)
    .where(items.c.sku == sa.bindparam("sku"))
)
_any_at = sa.select(
    sa.exists()
    .where(levels.c.location_id == locations.c.id, levels.c.on_hand > 0)
    .where(locations.c.code == sa.bindparam("code"))
)


def page(
    reader: Connection,
    request: PageRequest,
    *,
    sku: str | None,
    location: str | None,
    low: bool | None,
    now: datetime,
) -> Page[Level]:
    """Read a page of the levels by SKU and location. Reservations that expired by `now` do not count."""
    if sku is None and location is None and low:
        some = reader.scalar(_some_low, {"page_counted": FEW + 1}) or 0
        listing = _low_levels(reader.dialect.name, few=some <= FEW)
    else:
        listing = _listing(sku=sku is not None, location=location is not None, low=low)
    values = {"now": now, "sku": sku, "code": location}
    return paginate(reader, listing, request=request, read=_level, values=values)


def filtered(*, sku: str | None, location: str | None, low: bool | None, now: datetime) -> Query:
    """The query of the matching levels (contract: GET /levels), with the columns `sku`, `code`, `on_hand`,
    `reserved`, `reorder_point`, `low`.
    """
    query = _filtered(sku=sku is not None, location=location is not None, low=low)
    return query.params(now=now, sku=sku, code=location)


@cache
def _listing(*, sku: bool, location: bool, low: bool | None) -> Listing:
    query = _filtered(sku=sku, location=location, low=low)
    if sku or low is not None:
        return Listing(query, _order)
    # Each level has an item and a location, so counting needs no join.
    counted = sa.select(levels.c.item_id).where(_held_some)
    return Listing(query, _order, counted.where(levels.c.location_id == _at) if location else counted)


def _filtered(*, sku: bool, location: bool, low: bool | None) -> Query:
    """The query of the levels with these filters."""
    query = _list
    if sku:
        query = query.where(items.c.sku == sa.bindparam("sku"))
    if location:
        query = query.where(locations.c.code == sa.bindparam("code"))
    if low:
        query = query.where(_low if sku or location else _among_the_low)
    elif low is not None:
        # Most levels match, so the page and its count end soon.
        query = query.where(sa.not_(_low))
    return query


@cache
def _low_levels(dialect: str, *, few: bool) -> Listing:
    """All levels of low items, which are `few` or many. The item totals know them, up to recent changes."""
    if few:
        return Listing(_list.where(is_one_of(items.c.id, perhaps_low, dialect), _low), _order)
    if dialect == "sqlite":
        return Listing(_list.where(_among_the_low), _order)
    # Each step is a lateral query with OFFSET 0, which keeps PostgreSQL from reading all levels first.
    known = perhaps_low.subquery("known")
    item = sa.select(items.c.id).where(items.c.id == known.c.item_id, _low).offset(0).lateral("item")
    level = sa.select(levels.c.item_id).where(levels.c.item_id == item.c.id, _held_some).offset(0)
    each = known.join(item, sa.true()).join(level.lateral("level"), sa.true())
    return Listing(_list.where(_among_the_low), _order, sa.select(item.c.id).select_from(each))


def totals(reader: Connection, sku: str, *, now: datetime) -> Totals | None:
    """Add up one item over all locations; None if there is no such item."""
    row = reader.execute(_totals, {"sku": sku, "now": now}).one_or_none()
    if row is None:
        return None
    # PostgreSQL's sum of integers is numeric; without any level it is NULL.
    on_hand, reserved = int(row.on_hand or 0), int(row.reserved or 0)
    return Totals(on_hand, reserved, on_hand - reserved)


def any_of_item(connection: Connection, sku: str) -> bool:
    """Whether any location has stock of the item."""
    return bool(connection.scalar(_any_of_item, {"sku": sku}))


def any_at(connection: Connection, code: str) -> bool:
    """Whether the location has any stock."""
    return bool(connection.scalar(_any_at, {"code": code}))


def _level(row: Row) -> Level:
    on_hand, reserved = row.on_hand, int(row.reserved)
    return Level(row.sku, row.code, on_hand, reserved, on_hand - reserved, row.reorder_point, row.low)
