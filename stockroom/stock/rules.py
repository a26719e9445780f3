"""The ledger's rules: what a movement does to the balances it touches, and when it is refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from stockroom.errors import BalanceOutOfRange, CountStale, InsufficientStock, RepeatedLine, SameLocation
from stockroom.stock.model import EMPTY, Balance, Balances, Line, Place, RequestedKind

MOST = 10**15
"""The largest balance, in the item's unit; small enough that the sum of two stays below 2^63."""


def net(lines: Iterable[Line]) -> dict[Place, int]:
    """Add up the lines for each place; a transfer may take from where another line puts."""
    deltas: dict[Place, int] = {}
    for line in lines:
        place = line.place
        deltas[place] = deltas.get(place, 0) + line.delta
    return deltas


def applied(balances: Balances, lines: Sequence[Line]) -> dict[Place, Balance]:
    """The balances that a movement of `lines` leaves, for the places it changes.

    Raises InsufficientStock with every shortage, or BalanceOutOfRange; no value is clamped.
    """
    deltas = net(lines)
    refuse_shortages(balances, {place: -delta for place, delta in deltas.items() if delta < 0})
    after: dict[Place, Balance] = {}
    for place, delta in deltas.items():
        on_hand, reserved = balances.get(place, EMPTY)
        if on_hand + delta > MOST:
            raise BalanceOutOfRange(f"There would be more than {MOST} of {place[0]} at {place[1]}.")
        after[place] = Balance(on_hand + delta, reserved)
    return after


def refuse_shortages(balances: Balances, requested: Mapping[Place, int]) -> None:
    """Raises InsufficientStock with every place that has less available than is `requested` there."""
    shortages: list[dict[str, str | int]] = []
    for (sku, location), quantity in requested.items():
        available = balances.get((sku, location), EMPTY).available
        if quantity > available:
            shortages.append(
                {"sku": sku, "location": location, "requested": quantity, "available": available}
            )
    if shortages:
        count = len(shortages)
        asks = "1 line asks" if count == 1 else f"{count} lines ask"
        raise InsufficientStock(f"{asks} for more than is available.", shortages=shortages)


def refuse_repeated(places: Iterable[Place]) -> None:
    """Raises RepeatedLine if a request names a place twice: which line was meant would be a guess."""
    errors = _repeated(places, "{0} at {1} is in an earlier line already")
    if errors:
        raise RepeatedLine("Two lines are about the same item at the same location.", errors=errors)


def _repeated(keys: Iterable[tuple[str | int, ...]], detail: str) -> list[dict[str, str]]:
    """A fault for each line that repeats the key of an earlier one."""
    seen: set[tuple[str | int, ...]] = set()
    errors = []
    for index, key in enumerate(keys):
        if key in seen:
            errors.append({"detail": detail.format(*key), "pointer": f"/lines/{index}"})
        seen.add(key)
    return errors


def differences(balances: Balances, found: Sequence[Line], expected: Mapping[Place, int]) -> tuple[Line, ...]:
    """The lines of a count of what was `found` (as `delta`), without those that match the books.

    Raises CountStale with every place whose balance is not the one that was `expected` there.
    """
    booked = {line.place: balances.get(line.place, EMPTY).on_hand for line in found}
    stale = [
        {"sku": place[0], "location": place[1], "expected": quantity, "on_hand": booked[place]}
        for place, quantity in expected.items()
        if quantity != booked[place]
    ]
    if stale:
        were = "1 line was" if len(stale) == 1 else f"{len(stale)} lines were"
        raise CountStale(f"{were} counted against another balance than the books have now.", stale=stale)
    lines = (replace(line, delta=line.delta - booked[line.place]) for line in found)
    return tuple(line for line in lines if line.delta)


def requested(kind: RequestedKind, lines: Sequence[Mapping[str, str | int]]) -> tuple[Line, ...]:
    """Convert the contract's lines for this kind of movement.

    Raises RepeatedLine if lines repeat each other, SameLocation if a transfer has one location.
    """
    if kind == "transfer":
        _refuse_repeated_transfers(lines)
        return transferred(lines)
    made = {"receipt": received, "issue": issued, "adjustment": adjusted}[kind](lines)
    refuse_repeated(line.place for line in made)
    return made


def _refuse_repeated_transfers(lines: Iterable[Mapping[str, str | int]]) -> None:
    ways = ((line["sku"], line["from"], line["to"]) for line in lines)
    errors = _repeated(ways, "{0} from {1} to {2} is in an earlier line already")
    if errors:
        raise RepeatedLine("Two lines take the same item the same way.", errors=errors)


def received(lines: Iterable[Mapping[str, str | int]]) -> tuple[Line, ...]:
    """Convert the contract's lines of a receipt (StockLine)."""
    return tuple(Line(str(line["sku"]), str(line["location"]), int(line["quantity"])) for line in lines)


def issued(lines: Iterable[Mapping[str, str | int]]) -> tuple[Line, ...]:
    """Convert the contract's lines of an issue (StockLine)."""
    return tuple(Line(str(line["sku"]), str(line["location"]), -int(line["quantity"])) for line in lines)


def adjusted(lines: Iterable[Mapping[str, str | int]]) -> tuple[Line, ...]:
    """Convert the contract's lines of an adjustment (AdjustmentLine)."""
    return tuple(Line(str(line["sku"]), str(line["location"]), int(line["delta"])) for line in lines)


def transferred(lines: Sequence[Mapping[str, str | int]]) -> tuple[Line, ...]:
    """Convert the contract's lines of a transfer (TransferLine): out of one place, into the other.

    Raises SameLocation if both are the same.
    """
    same = [index for index, line in enumerate(lines) if line["from"] == line["to"]]
    if same:
        errors = [{"detail": "from and to are the same", "pointer": f"/lines/{index}/to"} for index in same]
        raise SameLocation("A transfer goes from one location to another.", errors=errors)
    pairs = (
        (
            Line(str(line["sku"]), str(line["from"]), -int(line["quantity"])),
            Line(str(line["sku"]), str(line["to"]), int(line["quantity"])),
        )
        for line in lines
    )
    return tuple(line for pair in pairs for line in pair)
