"""Use cases of what is at one location."""

from stockroom.actions import movements
from stockroom.domain.ledger import Movement
from stockroom.storage.engines import Work


def find(work: Work, code: str, *, sku: str, by: str) -> Movement:
    """Record that one of an item was found at a location. Raises what `movements.record` raises."""
    line = {"sku": sku, "location": code, "quantity": 1}
    return movements.record(work, kind="receipt", lines=[line], note="found", by=by)
