"""Stock as values: movements and their lines, balances, levels."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from stockroom.frozen import frozen

MovementKind = Literal["receipt", "issue", "transfer", "adjustment", "count", "reversal"]

RequestedKind = Literal["receipt", "issue", "transfer", "adjustment"]
"""The kinds that clients may request; the service records the others for counts and earlier movements."""


@frozen
class Line:
    """What a movement adds to (positive) or takes from (negative) one item at one location."""

    sku: str
    location: str
    delta: int

    @property
    def place(self) -> tuple[str, str]:
        return self.sku, self.location


@frozen
class Draft:
    """A movement that is not recorded yet."""

    kind: MovementKind
    lines: tuple[Line, ...]
    reference: str | None = None
    note: str | None = None
    occurred_at: datetime | None = None
    reverses: int | None = None


@frozen
class Movement:
    """A recorded movement (contract: Movement)."""

    id: int
    kind: MovementKind
    reference: str | None
    note: str | None
    occurred_at: datetime
    created_at: datetime
    created_by: str
    reverses: int | None
    reversed_by: int | None
    lines: tuple[Line, ...]


class Balance(NamedTuple):
    """One item at one location, in the item's unit: always 0 ≤ reserved ≤ on_hand."""

    on_hand: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


EMPTY = Balance()

Place = tuple[str, str]
"""SKU and location code."""

Balances = Mapping[Place, Balance]
"""The balance where there is no level."""


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
