"""Levels as clients see them: how much of an item is where, and how much of it is available."""

from stockroom.frozen import frozen


@frozen
class Level:
    """One item at one location, in the item's unit (contract: Level).

    `low` and `reorder_point` concern the item's stock over all locations.
    """

    sku: str
    location: str
    on_hand: int
    reserved: int
    available: int
    reorder_point: int | None
    low: bool


@frozen
class Totals:
    """One item over all its locations, in its unit (contract: Totals)."""

    on_hand: int
    reserved: int
    available: int
