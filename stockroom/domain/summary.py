"""The summary: figures over the whole stockroom."""

from datetime import datetime

from stockroom.frozen import frozen


@frozen
class Summary:
    """Counts as of a moment (contract: Summary). `items` and `locations` are those that are not archived.

    `units` adds up everything on hand, whatever it is counted in; `movements_today` are those recorded since
    midnight, UTC.
    """

    items: int
    archived_items: int
    locations: int
    units: int
    low_stock: int
    movements_today: int
    as_of: datetime
