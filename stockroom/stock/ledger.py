"""Record movements: the only way stock changes. Counts, reversals, fulfilments and imports come here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stockroom.db.unit_of_work import Work
from stockroom.errors import DomainError, ItemArchived, LocationArchived, UnknownItem, UnknownLocation
from stockroom.stock import level_locks, recording
from stockroom.stock.level_locks import LevelKey
from stockroom.stock.model import EMPTY, Balance, Draft, Line, Movement, Place
from stockroom.stock.rules import applied, net


def record(work: Work, draft: Draft, *, by: str) -> Movement:
    """Record one movement completely, or raise why that is not possible: UnknownItem, UnknownLocation,
    ItemArchived, LocationArchived, InsufficientStock with every shortage, BalanceOutOfRange. `by` names an
    account.
    """
    (outcome,) = record_many(work, [draft], by=by)
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def record_many(work: Work, drafts: Sequence[Draft], *, by: str) -> list[Movement | DomainError]:
    """Record movements in order, each completely or not at all, in few statements.

    A refused movement is represented by its error, and does not stop those after it.
    """
    lines = [line for draft in drafts for line in draft.lines]
    places = Places.open(work, lines, receiving={line.place for line in lines if line.delta > 0})
    outcomes = [_tried(places, draft) for draft in drafts]
    recorded = iter(places.record(work, [o for o in outcomes if isinstance(o, Draft)], by=by))
    return [next(recorded) if isinstance(outcome, Draft) else outcome for outcome in outcomes]


def foresee_many(work: Work, drafts: Sequence[Draft], carried: dict[Place, int]) -> list[Draft | DomainError]:
    """Check what `record_many` would accept and refuse, on top of the sums in `carried`.

    Accepted movements are added to `carried`; the database is not changed.
    """
    with work.connection.savepoint(keep=False):
        places = Places.open(work, [line for draft in drafts for line in draft.lines])
        places.carry(carried)
        outcomes = [_tried(places, draft) for draft in drafts]
    for outcome in outcomes:
        if isinstance(outcome, Draft):
            for place, delta in net(outcome.lines).items():
                carried[place] = carried.get(place, 0) + delta
    return outcomes


def _tried(places: "Places", draft: Draft) -> Draft | DomainError:
    try:
        places.refuse_unusable(draft.lines)
        places.change(applied(places.balances, draft.lines))
    except DomainError as refusal:
        return refusal
    return draft


@dataclass
class Places:
    """The items, locations and levels of some lines, found and locked for one transaction.

    `items` and `locations` tell whether each is archived. A level that does not exist has no key and cannot
    be changed.
    """

    items: Mapping[str, bool]
    locations: Mapping[str, bool]
    wanted: frozenset[Place]
    keys: Mapping[Place, LevelKey]
    balances: dict[Place, Balance]
    changed: set[Place] = field(default_factory=set)

    @classmethod
    def open(cls, work: Work, lines: Iterable[Line], *, receiving: Iterable[Place] = ()) -> "Places":
        """Lock what the lines name. Levels in `receiving` are created if they do not exist."""
        wanted = frozenset(line.place for line in lines)
        level_locks.make(work.connection, receiving)
        locked = level_locks.lock_named(work.connection, wanted, work.now)
        missing = wanted - locked.balances.keys()
        return cls(
            locked.items | level_locks.items_named(work.connection, {sku for sku, _ in missing}),
            locked.locations | level_locks.locations_named(work.connection, {code for _, code in missing}),
            wanted,
            locked.keys,
            locked.balances,
        )

    def carry(self, deltas: Mapping[Place, int]) -> None:
        """Add `deltas`, which were not recorded, to the balances."""
        for place in self.wanted & deltas.keys():
            balance = self.balances.get(place, EMPTY)
            self.balances[place] = balance._replace(on_hand=balance.on_hand + deltas[place])

    def refuse_unusable(self, lines: Iterable[Line]) -> None:
        """Raises UnknownItem or UnknownLocation for what does not exist, ItemArchived or LocationArchived.

        The refusal names every item and location that it concerns.
        """
        lines = list(lines)
        skus = dict.fromkeys(line.sku for line in lines)
        codes = dict.fromkeys(line.location for line in lines)
        unknown = [f"no item {sku}" for sku in skus if sku not in self.items]
        refusal = UnknownItem if unknown else UnknownLocation
        unknown += [f"no location {code}" for code in codes if code not in self.locations]
        if unknown:
            raise refusal(f"There is {_listed(unknown)}.")
        if archived := [sku for sku in skus if self.items[sku]]:
            raise ItemArchived(f"Archived: {_listed(archived)}.")
        if archived := [code for code in codes if self.locations[code]]:
            raise LocationArchived(f"Archived: {_listed(archived)}.")

    def change(self, after: Mapping[Place, Balance]) -> None:
        self.balances.update(after)
        self.changed.update(after)

    def save(self, work: Work) -> None:
        """Write the changed balances."""
        level_locks.save(work.connection, self._changes())

    def record(self, work: Work, drafts: Sequence[Draft], *, by: str) -> list[Movement]:
        """Write the changed balances, and the movements that changed them."""
        return recording.record(work.connection, drafts, self.keys, self._changes(), by=by, now=work.now)

    def _changes(self) -> dict[LevelKey, Balance]:
        return {self.keys[place]: self.balances[place] for place in self.changed}


def _listed(names: Sequence[str]) -> str:
    # A problem's detail is a sentence; five names are enough.
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
