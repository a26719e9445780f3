"""What is where, read without locks: pages of levels, totals of an item, and whether there is any stock."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from stockroom.domain.levels import Level, Totals
from stockroom.storage.pages import Key, Page, PageRequest, paginate
from stockroom.storage.tables import items, levels, locations, movement_lines, reservation_lines, reservations

Query = sa.Select[*tuple[Any, ...]]


def is_low(item: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the item, a row of `items`, has a reorder point and no more on hand than that, everywhere.

    Never NULL, so that NOT turns it into "the others". The primary key of the levels finds an item's few.
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
# Over the whole stock this has SQLite work it out once for each item, not for each level.
_among_the_low = items.c.id.in_(sa.select(_any_item.c.id).where(is_low(_any_item)))

# The lines are few, and an index of those that are held finds them by item and location.
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

# A level that was made for a movement that was then refused never held anything. LIMIT has PostgreSQL look by
# the index of the item's lines, level by level, where EXISTS may have it read all lines there are.
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
        items.c.sku,
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
_order = (Key(items.c.sku), Key(locations.c.code))

_totals = (
    sa.select(sa.func.sum(levels.c.on_hand).label("on_hand"), sa.func.sum(_reserved).label("reserved"))
    .outerjoin_from(items, levels)
    .where(items.c.sku == sa.bindparam("sku"))
    .group_by(items.c.id)
)

# `reserved` is never more than `on_hand`, so this is enough.
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
    reader: sa.Connection,
    request: PageRequest,
    *,
    sku: str | None,
    location: str | None,
    low: bool | None,
    now: datetime,
) -> Page[Level]:
    """Read a page of the levels by SKU and location; what reservations held that expired by `now` is free."""
    query = filtered(sku=sku, location=location, low=low, now=now)
    return paginate(reader, query, keys=_order, request=request, read=_level)


def filtered(*, sku: str | None, location: str | None, low: bool | None, now: datetime) -> Query:
    """The rows of the levels that are meant (contract: GET /levels), each to be read by its names:
    `sku`, `code`, `on_hand`, `reserved`, `reorder_point`, `low`.
    """
    query = _list.params(now=now)
    if sku is not None:
        query = query.where(items.c.sku == sku)
    if location is not None:
        query = query.where(locations.c.code == location)
    if low is not None:
        query = query.where(_lowness(low, everything=sku is None and location is None))
    return query


def _lowness(low: bool, *, everything: bool) -> sa.ColumnElement[bool]:
    if not low:
        # There are so many of these that the page and its count end soon.
        return sa.not_(_low)
    return _among_the_low if everything else _low


def totals(reader: sa.Connection, sku: str, *, now: datetime) -> Totals | None:
    """Add up one item over all locations; None where there is no such item."""
    row = reader.execute(_totals, {"sku": sku, "now": now}).one_or_none()
    if row is None:
        return None
    # PostgreSQL adds integers up to a numeric; without any level there is no sum.
    on_hand, reserved = int(row.on_hand or 0), int(row.reserved or 0)
    return Totals(on_hand, reserved, on_hand - reserved)


def any_of_item(connection: sa.Connection, sku: str) -> bool:
    """Whether any of the item is anywhere."""
    return bool(connection.scalar(_any_of_item, {"sku": sku}))


def any_at(connection: sa.Connection, code: str) -> bool:
    """Whether anything is at the location."""
    return bool(connection.scalar(_any_at, {"code": code}))


def _level(row: sa.Row[*tuple[Any, ...]]) -> Level:
    on_hand, reserved = row.on_hand, int(row.reserved)
    return Level(row.sku, row.code, on_hand, reserved, on_hand - reserved, row.reorder_point, row.low)
