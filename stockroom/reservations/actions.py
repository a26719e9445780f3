"""Use cases of reservations: hold stock, release it, issue it, and close what has expired."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import uuid4

from stockroom.db.connections import Connection
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import NotFound
from stockroom.reservations import queries
from stockroom.reservations.model import Reservation, ReservationState, ReservedLine, closed, expiry, reserved
from stockroom.stock import ledger, level_locks
from stockroom.stock.ledger import Places
from stockroom.stock.model import Draft, Line, Movement
from stockroom.stock.rules import refuse_repeated, refuse_shortages


def list_reservations(
    reader: Connection,
    request: PageRequest,
    *,
    now: datetime,
    state: ReservationState | None = None,
    reference: str | None = None,
) -> Page[Reservation]:
    """List reservations as of `now`, newest first. Raises InvalidRequest for a cursor of another list."""
    return queries.page(reader, request, now=now, state=state, reference=reference)


def find(reader: Connection, id: str, *, now: datetime) -> Reservation:
    """Find the reservation as of `now`. Raises NotFound."""
    return _existing(queries.find(reader, id.lower()), id).at(now)


def hold(
    work: Work,
    *,
    by: str,
    lines: Sequence[Mapping[str, str | int]],
    reference: str | None = None,
    expires_at: str | None = None,
) -> Reservation:
    """Hold stock until `expires_at` (RFC 3339), by default for an hour; all lines or none.

    Raises RepeatedLine, ExpiryOutOfRange, NotFound, ItemArchived, LocationArchived, InsufficientStock with
    every shortage.
    """
    wanted = reserved(lines)
    refuse_repeated(line.place for line in wanted)
    until = expiry(expires_at, work.now)
    places = Places.open(work, _issued(wanted))
    places.refuse_unusable(_issued(wanted))
    quantities = {line.place: line.quantity for line in wanted}
    refuse_shortages(places.balances, quantities)
    _reserve(work, places, quantities)
    reservation = Reservation(
        id=str(uuid4()),
        state="held",
        reference=reference,
        expires_at=until,
        created_at=work.now,
        created_by=by,
        closed_at=None,
        movement=None,
        lines=wanted,
    )
    queries.insert(work.connection, reservation, places.keys)
    return reservation


def release(work: Work, id: str) -> None:
    """Release the stock before the reservation expires. Raises NotFound, ReservationClosed."""
    held = _locked(work, id)
    _let_go(work, held)
    queries.close(work.connection, held.id, state="released", at=work.now)


def fulfil(work: Work, id: str, *, by: str) -> Movement:
    """Issue the reserved stock as one movement with the reservation's reference. Raises as `release` does."""
    held = _locked(work, id)
    _let_go(work, held)
    # The levels stay locked, so nobody else can take the stock in between.
    draft = Draft("issue", _issued(held.lines), reference=held.reference)
    movement = ledger.record(work, draft, by=by)
    queries.close(work.connection, held.id, state="fulfilled", at=work.now, movement=movement.id)
    return movement


def any_due(reader: Connection, now: datetime) -> bool:
    """Whether a reservation waits for `expire`."""
    return queries.any_due(reader, now)


def expire(work: Work, limit: int) -> int:
    """Close up to `limit` expired reservations and return how many were closed; 0 if none is left.

    Their stock was free already; this only records it. Concurrent callers share the work.
    """
    due = queries.lock_due(work.connection, work.now, limit)
    if due:
        # Locking a level releases what has expired there.
        level_locks.lock(work.connection, queries.held_keys(work.connection, due), work.now)
        queries.close_expired(work.connection, due)
    return len(due)


def _locked(work: Work, id: str) -> Reservation:
    reservation = _existing(queries.lock(work.connection, id.lower()), id)
    reservation.require_held(work.now)
    return reservation


def _existing(reservation: Reservation | None, id: str) -> Reservation:
    if reservation is None:
        raise NotFound(f"There is no reservation {id}.")
    return reservation


def _let_go(work: Work, held: Reservation) -> None:
    """Release all lines in the levels. Raises ReservationClosed if another transaction has released some."""
    places = Places.open(work, _issued(held.lines))
    if queries.let_go(work.connection, held.id) != len(held.lines):
        # Another process, by its own clock, has released it as expired: the stock may be taken again.
        raise closed("expired")
    _reserve(work, places, {line.place: -line.quantity for line in held.lines})


def _reserve(work: Work, places: Places, quantities: Mapping[tuple[str, str], int]) -> None:
    balances = {place: places.balances[place] for place in quantities}
    places.change(
        {
            place: balances[place]._replace(reserved=balances[place].reserved + quantity)
            for place, quantity in quantities.items()
        }
    )
    places.save(work)


def _issued(lines: Iterable[ReservedLine]) -> tuple[Line, ...]:
    return tuple(Line(line.sku, line.location, -line.quantity) for line in lines)
