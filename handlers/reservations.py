"""Stock that is held for somebody, for a while."""

from datetime import datetime
from typing import Any

from handlers import _paging as paging
from stockroom.accounts.model import Principal
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.reservations import actions as reservations
from stockroom.reservations.model import Reservation, ReservationState
from stockroom.stock.model import Movement


def list_reservations(
    state: ReservationState | None,
    reference: str | None,
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    *,
    reader: Connection,
    now: datetime,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = reservations.list_reservations(reader, request, now=now, state=state, reference=reference)
    filters = {"state": state, "reference": reference, "count": count}
    return paging.answer("reservations", found, "/reservations", filters)


def hold(body: dict[str, Any], *, work: Work, principal: Principal) -> tuple[Reservation, dict[str, str]]:
    reservation = reservations.hold(work, by=principal.subject, **body)
    return reservation, {"Location": f"/reservations/{reservation.id}"}


def read(id: str, *, reader: Connection, now: datetime) -> Reservation:
    return reservations.find(reader, id, now=now)


def release(id: str, *, work: Work) -> None:
    reservations.release(work, id)


def fulfil(id: str, *, work: Work, principal: Principal) -> tuple[Movement, dict[str, str]]:
    movement = reservations.fulfil(work, id, by=principal.subject)
    return movement, {"Location": f"/movements/{movement.id}"}
