"""What is at one location."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from handlers import _paging as paging
from stockroom.accounts.model import Principal
from stockroom.db.unit_of_work import Work
from stockroom.locations import actions as locations
from stockroom.stock import four_steps, levels
from stockroom.stock.model import Movement


def list_levels(
    code: str,
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    *,
    reader: Connection,
    now: datetime,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    locations.read(reader, code)
    found = levels.list_levels(reader, request, location=code, now=now)
    return paging.answer("levels", found, f"/four-steps/{quote(code, safe='')}/levels", {"count": count})


def find(
    code: str, body: dict[str, Any], *, work: Work, principal: Principal
) -> tuple[Movement, dict[str, str]]:
    movement = four_steps.find(work, code, by=principal.subject, **body)
    return movement, {"Location": f"/movements/{movement.id}"}
