"""Counts, recorded as movements."""

from typing import Any

from stockroom.actions import counts
from stockroom.domain.accounts import Principal
from stockroom.domain.ledger import Movement
from stockroom.storage.engines import Work


def record(body: dict[str, Any], *, work: Work, principal: Principal) -> tuple[Movement, dict[str, str]]:
    movement = counts.record(work, by=principal.subject, **body)
    return movement, {"Location": f"/movements/{movement.id}"}
