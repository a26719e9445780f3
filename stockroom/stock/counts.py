"""Record counts: the stock found at a location becomes a movement that corrects the books."""

from collections.abc import Mapping, Sequence
from typing import Any

from stockroom.db.unit_of_work import Work
from stockroom.stock.ledger import Places
from stockroom.stock.model import Draft, Line, Movement
from stockroom.stock.rules import applied, differences, refuse_repeated
from stockroom.times import moment


def record(
    work: Work,
    *,
    location: str,
    lines: Sequence[Mapping[str, Any]],
    reference: str | None = None,
    note: str | None = None,
    occurred_at: str | None = None,
    by: str,
) -> Movement:
    """Record a count from the lines of the contract (CountLine) as a movement of the differences.

    The movement has no lines if everything was as booked. `occurred_at` is RFC 3339, by default now. Raises
    RepeatedLine if an item is counted twice, NotFound, ItemArchived, LocationArchived, CountStale with every
    line that expected another balance, InsufficientStock if more is reserved than was counted.
    """
    found = tuple(Line(line["sku"], location, line["counted"]) for line in lines)
    refuse_repeated(line.place for line in found)
    expected = {(line["sku"], location): line["expected"] for line in lines if "expected" in line}
    places = Places.open(work, found, receiving={line.place for line in found if line.delta > 0})
    places.refuse_unusable(found)
    happened = None if occurred_at is None else moment(occurred_at)
    draft = Draft("count", differences(places.balances, found, expected), reference, note, happened)
    places.change(applied(places.balances, draft.lines))
    (movement,) = places.record(work, [draft], by=by)
    return movement
