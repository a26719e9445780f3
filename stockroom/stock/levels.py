"""Read levels: which item is where. Expired reservations do not count, whether or not the sweep has closed
them.
"""

from datetime import datetime

from stockroom.db.connections import Connection
from stockroom.db.pages import Page, PageRequest
from stockroom.errors import NotFound
from stockroom.stock import level_queries
from stockroom.stock.model import Level, Totals


def list_levels(
    reader: Connection,
    request: PageRequest,
    *,
    sku: str | None = None,
    location: str | None = None,
    low: bool | None = None,
    now: datetime,
) -> Page[Level]:
    """Read a page of the levels by SKU and location; `low` selects items that are low (True) or are not
    (False).

    An unknown SKU or location has no levels. Raises InvalidRequest for a cursor of another list.
    """
    return level_queries.page(reader, request, sku=sku, location=location, low=low, now=now)


def of_item(
    reader: Connection, request: PageRequest, sku: str, *, now: datetime
) -> tuple[Totals, Page[Level]]:
    """Read a page of one item's levels, and its totals over all locations. Raises NotFound."""
    totals = level_queries.totals(reader, sku, now=now)
    if totals is None:
        raise NotFound(f"There is no item with the SKU {sku}.")
    return totals, list_levels(reader, request, sku=sku, now=now)
