"""The ledger: movements recorded, read and reversed."""

from datetime import datetime
from typing import Any

from handlers import _paging as paging
from stockroom.accounts.model import Principal
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.stock import movements
from stockroom.stock.model import Movement, MovementKind


def list_movements(
    sku: str | None,
    location: str | None,
    kind: MovementKind | None,
    since: datetime | None,
    until: datetime | None,
    reference: str | None,
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    *,
    reader: Connection,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    filters: dict[str, Any] = {"sku": sku, "location": location, "kind": kind, "reference": reference}
    filters |= {"since": since, "until": until}
    found = movements.list_movements(reader, request, **filters)
    return paging.answer("movements", found, "/movements", filters | {"count": count})


def record(body: dict[str, Any], *, work: Work, principal: Principal) -> tuple[Movement, dict[str, str]]:
    movement = movements.record(work, by=principal.subject, **body)
    return movement, {"Location": f"/movements/{movement.id}"}


def read(id: int, *, reader: Connection) -> Movement:
    return movements.read(reader, id)


def reverse(id: int, *, work: Work, principal: Principal) -> tuple[Movement, dict[str, str]]:
    movement = movements.reverse(work, id, by=principal.subject)
    return movement, {"Location": f"/movements/{movement.id}"}
