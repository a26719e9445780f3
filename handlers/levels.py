"""What is where."""

from datetime import datetime

from handlers import _paging as paging
from stockroom.db.connections import Connection
from stockroom.stock import levels


def list_levels(
    sku: str | None,
    location: str | None,
    low: bool | None,
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    *,
    reader: Connection,
    now: datetime,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = levels.list_levels(reader, request, sku=sku, location=location, low=low, now=now)
    filters = {"sku": sku, "location": location, "low": low, "count": count}
    return paging.answer("levels", found, "/levels", filters)
