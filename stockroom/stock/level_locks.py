"""Levels under lock: found, created, locked in the order of their keys, and written back."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS, JsonRows
from stockroom.db.tables import items, levels, locations, reservation_lines, reservations
from stockroom.stock.model import Balance, Place

LevelKey = tuple[int, int]
"""The ids of item and location."""


class Locked(NamedTuple):
    """Keys and balances of locked levels; `items` and `locations` tell by SKU and code which are archived."""

    items: dict[str, bool]
    locations: dict[str, bool]
    keys: dict[Place, LevelKey]
    balances: dict[Place, Balance]


class _Statements:
    """Statements in a database's dialect, each of which takes its keys or rows as one JSON array."""

    def __init__(self, dialect: str) -> None:
        rows = JsonRows(dialect)
        item, location = rows.value(levels.c.item_id), rows.value(levels.c.location_id)
        sku, code = rows.value(items.c.sku), rows.value(locations.c.code)
        # Shared, so that nothing is archived while its stock moves; in the order of the key, as all locks.
        self.items = (
            sa.select(items.c.sku, items.c.archived)
            .where(items.c.sku.in_(sa.select(sku)))
            .order_by(items.c.id)
            .with_for_update(read=True, of=items)
        )
        self.locations = (
            sa.select(locations.c.code, locations.c.archived)
            .where(locations.c.code.in_(sa.select(code)))
            .order_by(locations.c.id)
            .with_for_update(read=True, of=locations)
        )
        named = rows.elements.join(items, items.c.sku == sku).join(locations, locations.c.code == code)
        empty = sa.select(items.c.id, locations.c.id, sa.literal(0), sa.literal(0), items.c.sku)
        # SQLite reads ON CONFLICT after a SELECT as part of it, unless the SELECT has a WHERE. PostgreSQL's
        # construct also compiles for SQLite, with the same syntax.
        self.make = (
            postgresql.insert(levels)
            .from_select(
                list(levels.c), empty.select_from(named).where(sa.true()).order_by(items.c.id, locations.c.id)
            )
            .on_conflict_do_nothing()
        )
        level = sa.and_(levels.c.item_id == items.c.id, levels.c.location_id == locations.c.id)
        self.lock_named = (
            sa.select(
                items.c.sku,
                locations.c.code,
                items.c.id,
                items.c.archived,
                locations.c.id,
                locations.c.archived,
                levels.c.on_hand,
                levels.c.reserved,
            )
            .select_from(named.join(levels, level))
            .order_by(levels.c.item_id, levels.c.location_id)
            .suffix_with("FOR UPDATE OF levels FOR SHARE OF items, locations", dialect="postgresql")
        )
        self.lock = (
            sa.select(levels.c.item_id, levels.c.location_id, levels.c.on_hand, levels.c.reserved)
            .where(sa.tuple_(levels.c.item_id, levels.c.location_id).in_(sa.select(item, location)))
            .order_by(levels.c.item_id, levels.c.location_id)
            .with_for_update(of=levels)
        )
        self.save = saving(rows)


def saving(rows: JsonRows) -> sa.Update:
    """The statement that writes the balances in `rows_of`."""
    return (
        sa.update(levels)
        .where(
            levels.c.item_id == rows.value(levels.c.item_id),
            levels.c.location_id == rows.value(levels.c.location_id),
        )
        .values(on_hand=rows.value(levels.c.on_hand), reserved=rows.value(levels.c.reserved))
    )


_statements = {dialect: _Statements(dialect) for dialect in DIALECTS}

_expired = sa.select(reservations.c.id).where(
    reservations.c.state == "held",
    reservations.c.expires_at <= sa.bindparam("now", type_=reservations.c.expires_at.type),
)
_line_key = sa.tuple_(reservation_lines.c.item_id, reservation_lines.c.location_id)
_let_go = (
    sa.update(reservation_lines)
    .where(
        reservation_lines.c.held,
        _line_key.in_(sa.bindparam("keys", expanding=True)),
        reservation_lines.c.reservation_id.in_(_expired),
    )
    .values(held=False)
    .returning(reservation_lines.c.item_id, reservation_lines.c.location_id, reservation_lines.c.quantity)
)


def items_named(connection: Connection, skus: Collection[str]) -> dict[str, bool]:
    """Whether existing items are archived, by SKU; a shared lock keeps this until the transaction ends."""
    rows = [{"sku": sku} for sku in skus]
    return dict(connection.execute(_of(connection).items, {"rows": rows}).all()) if rows else {}


def locations_named(connection: Connection, codes: Collection[str]) -> dict[str, bool]:
    """The same for locations, by code."""
    rows = [{"code": code} for code in codes]
    return dict(connection.execute(_of(connection).locations, {"rows": rows}).all()) if rows else {}


def make(connection: Connection, places: Iterable[Place]) -> None:
    """Create missing levels, with nothing on hand, if their item and location exist.

    All are created before any is locked: a transaction that waits for another's insert holds no lock on a
    level yet.
    """
    if rows := _named_rows(places):
        connection.execute(_of(connection).make, {"rows": rows})


def lock_named(connection: Connection, places: Iterable[Place], now: datetime) -> Locked:
    """Lock the levels that exist until the transaction ends, and share locks on their items and locations.

    Expired reservations are released, as by `lock`.
    """
    items, locations, keys, balances = locked = Locked({}, {}, {}, {})
    if rows := _named_rows(places):
        for sku, code, item, retired, location, closed, on_hand, reserved in connection.execute(
            _of(connection).lock_named, {"rows": rows}
        ):
            items[sku] = retired
            locations[code] = closed
            place = sku, code
            keys[place] = item, location
            balances[place] = Balance(on_hand, reserved)
    held = {keys[place]: place for place, balance in balances.items() if balance.reserved}
    freed = _let_go_of_expired(connection, {key: balances[place] for key, place in held.items()}, now)
    balances.update({held[key]: balance for key, balance in freed.items()})
    return locked


def lock(connection: Connection, keys: Collection[LevelKey], now: datetime) -> dict[LevelKey, Balance]:
    """Lock the levels that exist until the transaction ends, and return their balances.

    What reservations held that expired by `now` is released here, whether or not the sweep has closed them.
    """
    rows = connection.execute(_of(connection).lock, {"rows": _rows(keys)}).all()
    balances = {(item, location): Balance(on_hand, reserved) for item, location, on_hand, reserved in rows}
    held = {key: balance for key, balance in balances.items() if balance.reserved}
    return balances | _let_go_of_expired(connection, held, now)


def _let_go_of_expired(
    connection: Connection, balances: Mapping[LevelKey, Balance], now: datetime
) -> dict[LevelKey, Balance]:
    """The balances that changed."""
    changed: dict[LevelKey, Balance] = {}
    if balances:
        freed = connection.execute(_let_go, {"keys": list(balances), "now": now}).all()
        for item, location, quantity in freed:
            before = changed.get((item, location), balances[item, location])
            changed[item, location] = before._replace(reserved=before.reserved - quantity)
        save(connection, changed)
    return changed


def save(connection: Connection, balances: Mapping[LevelKey, Balance]) -> None:
    """Write the balances of locked levels."""
    if balances:
        connection.execute(_of(connection).save, {"rows": rows_of(balances)})


def rows_of(balances: Mapping[LevelKey, Balance]) -> list[dict[str, int]]:
    """The rows for the `saving` statement."""
    return [
        {
            "item_id": item,
            "location_id": location,
            "on_hand": balance.on_hand,
            "reserved": balance.reserved,
        }
        for (item, location), balance in balances.items()
    ]


def _rows(keys: Iterable[LevelKey]) -> list[dict[str, int]]:
    return [{"item_id": item, "location_id": location} for item, location in keys]


def _named_rows(places: Iterable[Place]) -> list[dict[str, str]]:
    return [{"sku": sku, "code": code} for sku, code in places]


def _of(connection: Connection) -> _Statements:
    return _statements[connection.dialect.name]
