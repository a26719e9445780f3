"""Counts, recorded as movements."""

from typing import Any

from stockroom.accounts.model import Principal
from stockroom.db.unit_of_work import Work
from stockroom.stock import counts
from stockroom.stock.model import Movement


def record(body: dict[str, Any], *, work: Work, principal: Principal) -> tuple[Movement, dict[str, str]]:
    movement = counts.record(work, by=principal.subject, **body)
    return movement, {"Location": f"/movements/{movement.id}"}
