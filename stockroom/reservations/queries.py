"""Queries of reservations and their lines: insert, find, lock and close them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from itertools import accumulate

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS
from stockroom.db.lists import is_given
from stockroom.db.pages import Listing, Page, PageRequest, SortKey, paginate
from stockroom.db.statements import Row
from stockroom.db.tables import items, locations, reservation_lines, reservations
from stockroom.reservations.model import Reservation, ReservationState, ReservedLine
from stockroom.stock.model import Place

_query = sa.select(
    reservations.c.id,
    reservations.c.state,
    reservations.c.reference,
    reservations.c.expires_at,
    reservations.c.created_at,
    reservations.c.created_by,
    reservations.c.closed_at,
    reservations.c.movement_id,
)
_one = _query.where(reservations.c.id == sa.bindparam("key"))
_lock = _one.with_for_update()
_own = reservation_lines.c.reservation_id
_lines = {
    dialect: sa.select(_own, items.c.sku, locations.c.code, reservation_lines.c.quantity)
    .join_from(reservation_lines, items)
    .join(locations)
    .where(is_given(_own, "ids", dialect))
    .order_by(_own, reservation_lines.c.line)
    for dialect in DIALECTS
}
# A comparison with ten thousand places exceeds PostgreSQL's stack.
_MOST_LINES = 1_000
_NEWEST_FIRST = (
    SortKey(reservations.c.created_at, descending=True),
    SortKey(reservations.c.id, descending=True),
)

_line_count = (
    sa.select(sa.func.count())
    .where(reservation_lines.c.reservation_id == reservations.c.id)
    .correlate(reservations)
    .scalar_subquery()
)
_due = (
    sa.select(reservations.c.id, _line_count.label("lines"))
    .where(
        reservations.c.state == "held",
        reservations.c.expires_at <= sa.bindparam("now", type_=reservations.c.expires_at.type),
    )
    .order_by(reservations.c.expires_at)
    .limit(sa.bindparam("most", type_=sa.BigInteger))
)
_lock_due = _due.with_for_update(skip_locked=True)
_held_keys = {
    dialect: sa.select(reservation_lines.c.item_id, reservation_lines.c.location_id)
    .where(is_given(_own, "ids", dialect), reservation_lines.c.held)
    .distinct()
    for dialect in DIALECTS
}
_insert = sa.insert(reservations)
_insert_line = sa.insert(reservation_lines)
_let_go = (
    sa.update(reservation_lines)
    .where(reservation_lines.c.reservation_id == sa.bindparam("key"), reservation_lines.c.held)
    .values(held=False)
)
_close = sa.update(reservations).where(reservations.c.id == sa.bindparam("key"))
_close_expired = {
    dialect: sa.update(reservations)
    .where(is_given(reservations.c.id, "ids", dialect))
    .values(state="expired", closed_at=reservations.c.expires_at)
    for dialect in DIALECTS
}


def find(reader: Connection, id: str) -> Reservation | None:
    return _with_lines(reader, reader.execute(_one, {"key": id}).one_or_none())


def lock(connection: Connection, id: str) -> Reservation | None:
    """Read one reservation, and lock it against closing until the transaction ends."""
    return _with_lines(connection, connection.execute(_lock, {"key": id}).one_or_none())


def page(
    reader: Connection,
    request: PageRequest,
    *,
    now: datetime,
    state: ReservationState | None,
    reference: str | None,
) -> Page[Reservation]:
    """Read a page of the reservations as of `now`, newest first."""
    listing = _listing(state=state, reference=reference is not None)
    values = {"now": now, "reference": reference}
    found = paginate(reader, listing, request=request, read=_reservation, values=values)
    lines = _lines_of(reader, [reservation.id for reservation in found.rows])
    rows = (replace(reservation, lines=tuple(lines[reservation.id])) for reservation in found.rows)
    return replace(found, rows=tuple(reservation.at(now) for reservation in rows))


@cache
def _listing(*, state: ReservationState | None, reference: bool) -> Listing:
    query = _query
    if state is not None:
        query = query.where(_is(state))
    if reference:
        query = query.where(reservations.c.reference == sa.bindparam("reference"))
    return Listing(query, _NEWEST_FIRST)


def _is(state: ReservationState) -> sa.ColumnElement[bool]:
    """Whether a reservation is in `state` as of `now`, as in `Reservation.at`."""
    now = sa.bindparam("now", type_=reservations.c.expires_at.type)
    match state:
        case "held":
            return sa.and_(reservations.c.state == "held", reservations.c.expires_at > now)
        case "expired":
            overdue = sa.and_(reservations.c.state == "held", reservations.c.expires_at <= now)
            return sa.or_(reservations.c.state == "expired", overdue)
    return reservations.c.state == state


def insert(connection: Connection, reservation: Reservation, keys: Mapping[Place, tuple[int, int]]) -> None:
    """Insert a reservation that is held; `keys` has the ids of item and location of each place."""
    row = {
        "id": reservation.id,
        "state": reservation.state,
        "reference": reservation.reference,
        "expires_at": reservation.expires_at,
        "created_at": reservation.created_at,
        "created_by": reservation.created_by,
    }
    connection.execute(_insert, row)
    lines = [
        {
            "reservation_id": reservation.id,
            "line": number,
            "item_id": item,
            "location_id": location,
            "quantity": line.quantity,
            "held": True,
        }
        for number, line in enumerate(reservation.lines, 1)
        for item, location in [keys[line.place]]
    ]
    connection.execute(_insert_line, lines)


def let_go(connection: Connection, id: str) -> int:
    """Mark the lines of a reservation as not held, its levels being locked; returns how many were held."""
    return connection.execute(_let_go, {"key": id}).rowcount


def close(
    connection: Connection, id: str, *, state: ReservationState, at: datetime, movement: int | None = None
) -> None:
    """Record the outcome of a locked reservation."""
    outcome = {"state": state, "closed_at": at, "movement_id": movement}
    connection.execute(_close, {"key": id, **outcome})


def any_due(reader: Connection, now: datetime) -> bool:
    """Whether a reservation has expired that is still stored as held."""
    return reader.scalar(_due, {"now": now, "most": 1}) is not None


def lock_due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Lock expired reservations that are still stored as held, but not those that others have locked.

    If they have many lines, fewer than `limit` are locked.
    """
    rows = connection.execute(_lock_due, {"now": now, "most": limit}).all()
    totals = accumulate(row.lines for row in rows)
    return [row.id for row, total in zip(rows, totals, strict=True) if row is rows[0] or total <= _MOST_LINES]


def held_keys(connection: Connection, ids: Collection[str]) -> list[tuple[int, int]]:
    """The places where the reservations hold stock: ids of item and location."""
    found = connection.execute(_held_keys[connection.dialect.name], {"ids": list(ids)}).all()
    return [(item, location) for item, location in found]


def close_expired(connection: Connection, ids: Collection[str]) -> None:
    """Record that the reservations ended at their time of expiry."""
    connection.execute(_close_expired[connection.dialect.name], {"ids": list(ids)})


def _with_lines(connection: Connection, row: Row | None) -> Reservation | None:
    if row is None:
        return None
    lines = _lines_of(connection, [row.id])
    return replace(_reservation(row), lines=tuple(lines[row.id]))


def _lines_of(connection: Connection, ids: Collection[str]) -> dict[str, list[ReservedLine]]:
    lines: dict[str, list[ReservedLine]] = {key: [] for key in ids}
    if lines:
        query = _lines[connection.dialect.name]
        for key, sku, location, quantity in connection.execute(query, {"ids": list(ids)}).all():
            lines[key].append(ReservedLine(sku, location, quantity))
    return lines


def _reservation(row: Row) -> Reservation:
    """Make a reservation of a row; its lines are still to be read."""
    return Reservation(
        id=row.id,
        state=row.state,
        reference=row.reference,
        expires_at=row.expires_at,
        created_at=row.created_at,
        created_by=row.created_by,
        closed_at=row.closed_at,
        movement=row.movement_id,
        lines=(),
    )
