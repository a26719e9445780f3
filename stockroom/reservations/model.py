"""Reservations: stock that is held for a limited time."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from stockroom.errors import ExpiryOutOfRange, ReservationClosed
from stockroom.frozen import frozen
from stockroom.stock.model import Place
from stockroom.times import moment

ReservationState = Literal["held", "released", "fulfilled", "expired"]

UNLESS_SAID = timedelta(hours=1)
AT_MOST = timedelta(days=90)


@frozen
class ReservedLine:
    """A quantity of one item at one location (contract: StockLine)."""

    sku: str
    location: str
    quantity: int

    @property
    def place(self) -> Place:
        return self.sku, self.location


@frozen
class Reservation:
    """Stock that is or was held (contract: Reservation). `movement` is the id of the movement that fulfilled
    it.
    """

    id: str
    state: ReservationState
    reference: str | None
    expires_at: datetime
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    movement: int | None
    lines: tuple[ReservedLine, ...]

    def at(self, now: datetime) -> "Reservation":
        """The reservation as of `now`: it expires at its time, whether or not that has been stored."""
        if self.state == "held" and self.expires_at <= now:
            return replace(self, state="expired", closed_at=self.expires_at)
        return self

    def require_held(self, now: datetime) -> None:
        """Raises ReservationClosed if the reservation holds nothing any more."""
        if (state := self.at(now).state) != "held":
            raise closed(state)


def closed(state: ReservationState) -> ReservationClosed:
    """The refusal of an operation on a reservation that is not held."""
    return ReservationClosed(f"The reservation has {_BECOME[state]}.")


_BECOME: dict[ReservationState, str] = {
    "released": "been released",
    "fulfilled": "been fulfilled",
    "expired": "expired",
}


def reserved(lines: Iterable[Mapping[str, str | int]]) -> tuple[ReservedLine, ...]:
    """Convert the contract's lines of a reservation (StockLine)."""
    return tuple(
        ReservedLine(str(line["sku"]), str(line["location"]), int(line["quantity"])) for line in lines
    )


def expiry(asked: str | None, now: datetime) -> datetime:
    """When a reservation made `now` expires: `asked` (RFC 3339) cut to milliseconds, by default in an hour.

    Raises ExpiryOutOfRange for a time that is past, or more than 90 days ahead.
    """
    if asked is None:
        return now + UNLESS_SAID
    until = moment(asked)
    if not now < until <= now + AT_MOST:
        fault = "is not in the future" if until <= now else "is more than 90 days ahead"
        raise ExpiryOutOfRange(
            "Stock is held until a moment that is ahead, by 90 days at most.",
            errors=[{"detail": fault, "pointer": "/expires_at"}],
        )
    return until
