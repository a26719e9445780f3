"""Use cases of the ledger: list, record, read and reverse movements."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from stockroom.db.connections import Connection
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import AlreadyReversed, NotFound, NotReversible
from stockroom.stock import ledger, movement_queries
from stockroom.stock.model import Draft, Movement, MovementKind, RequestedKind
from stockroom.stock.movement_pages import Filters, page
from stockroom.stock.rules import requested
from stockroom.times import moment


def list_movements(
    reader: Connection,
    request: PageRequest,
    *,
    sku: str | None = None,
    location: str | None = None,
    kind: MovementKind | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    reference: str | None = None,
) -> Page[Movement]:
    """Read a page of the ledger, newest first. `sku` and `location` together must match one and the same
    line.

    `since` (included) and `until` (excluded) are times of recording. An unknown item or location has no
    movements. Raises InvalidRequest for a cursor of another list.
    """
    return page(reader, request, Filters(sku, location, kind, since, until, reference))


def record(
    work: Work,
    *,
    kind: RequestedKind,
    lines: Sequence[Mapping[str, str | int]],
    reference: str | None = None,
    note: str | None = None,
    occurred_at: str | None = None,
    by: str,
) -> Movement:
    """Record a movement from the lines that the contract has for its kind.

    `occurred_at` is RFC 3339, by default now. Raises RepeatedLine, SameLocation, and what `ledger.record`
    raises.
    """
    happened = None if occurred_at is None else moment(occurred_at)
    draft = Draft(kind, requested(kind, lines), reference, note, happened)
    return ledger.record(work, draft, by=by)


def read(reader: Connection, id: int) -> Movement:
    """Read a movement. Raises NotFound."""
    return _existing(movement_queries.find(reader, id), id)


def reverse(work: Work, id: int, *, by: str) -> Movement:
    """Record the movement that undoes another, under the same reference.

    Raises NotFound, NotReversible for a reversal, AlreadyReversed, and what `ledger.record` raises.
    """
    original = _existing(movement_queries.lock(work.connection, id), id)
    if original.kind == "reversal":
        raise NotReversible(f"Movement {id} is a reversal itself.")
    if original.reversed_by is not None:
        raise AlreadyReversed(f"Movement {id} was reversed by movement {original.reversed_by}.")
    lines = tuple(replace(line, delta=-line.delta) for line in original.lines)
    return ledger.record(work, Draft("reversal", lines, original.reference, reverses=id), by=by)


def _existing(movement: Movement | None, id: int) -> Movement:
    if movement is None:
        raise NotFound(f"There is no movement {id}.")
    return movement
