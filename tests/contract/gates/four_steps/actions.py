"""Use cases of what is at one location."""

from stockroom.db.unit_of_work import Work
from stockroom.stock import movements
from stockroom.stock.model import Movement


def find(work: Work, code: str, *, sku: str, by: str) -> Movement:
    """Record that one of an item was found at a location. Raises what `movements.record` raises."""
    line = {"sku": sku, "location": code, "quantity": 1}
    return movements.record(work, kind="receipt", lines=[line], note="found", by=by)
