"""The summary: figures over the whole stockroom."""

from datetime import datetime

from stockroom.frozen import frozen


@frozen
class Summary:
    """Counts as of one moment (contract: Summary). `items` and `locations` exclude the archived ones.

    `units` adds up everything on hand, whatever its unit; `movements_today` are those recorded since
    midnight, UTC.
    """

    items: int
    archived_items: int
    locations: int
    units: int
    low_stock: int
    movements_today: int
    as_of: datetime
