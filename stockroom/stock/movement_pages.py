"""Pages of the ledger; each filter has an index of its own."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS
from stockroom.db.lists import is_given
from stockroom.db.pages import Listing, Page, PageRequest, SortKey, paginate
from stockroom.db.tables import EPOCH, MILLISECOND, items, locations, movement_lines, movements
from stockroom.frozen import frozen
from stockroom.stock.model import Movement, MovementKind
from stockroom.stock.movement_queries import columns, with_lines

Query = sa.Select[*tuple[Any, ...]]
T = TypeVar("T")


@frozen
class Filters:
    """Selects movements; None selects any. `sku` and `location` must match one and the same line."""

    sku: str | None = None
    location: str | None = None
    kind: MovementKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    reference: str | None = None


def page(reader: Connection, request: PageRequest, filters: Filters) -> Page[Movement]:
    """Read a page of the movements, newest first: in the order of their times; or of their ids, if there is
    no filter or a `reference`. Transactions at the same time may get ids and times in opposite orders.
    """
    values = {name: value for name, value in _values(reader, filters).items() if value is not None}
    listing = _listing(*sorted(values))
    found = paginate(reader, listing, request=request, read=lambda row: row, values=values)
    return Page(
        rows=with_lines(reader, _whole_rows(reader, found.rows)),
        total=found.total,
        total_is_exact=found.total_is_exact,
        page=found.page,
        per_page=found.per_page,
        next=found.next,
    )


def _values(reader: Connection, filters: Filters) -> dict[str, object]:
    """The values of the filters by name, with ids in place of SKU and code; the id -1 is never found."""
    values: dict[str, object] = {"kind": filters.kind, "reference": filters.reference}
    if filters.sku is not None:
        values["sku"] = reader.scalar(_item, {"sku": filters.sku}) or -1
    if filters.location is not None:
        values["location"] = reader.scalar(_location, {"code": filters.location}) or -1
    if filters.since is not None:
        values["since"] = _whole(filters.since)
    if filters.until is not None:
        values["until"] = _whole(filters.until)
    return values


_item = sa.select(items.c.id).where(items.c.sku == sa.bindparam("sku"))
_location = sa.select(locations.c.id).where(locations.c.code == sa.bindparam("code"))
_OWN: Mapping[str, sa.ColumnElement[bool]] = {
    "kind": movements.c.kind == sa.bindparam("kind"),
    "reference": movements.c.reference == sa.bindparam("reference"),
}
_ABOUT = {"sku": movement_lines.c.item_id, "location": movement_lines.c.location_id}


def _recorded(names: Iterable[str], created_at: sa.Column[Any]) -> list[sa.ColumnElement[bool]]:
    time = sa.type_coerce(created_at, sa.BigInteger)
    conditions = {"since": time >= sa.bindparam("since"), "until": time < sa.bindparam("until")}
    return [conditions[name] for name in names if name in conditions]


def _of(names: Iterable[str], conditions: Mapping[str, T]) -> dict[str, T]:
    return {name: conditions[name] for name in names if name in conditions}


@cache
def _listing(*names: str) -> Listing:
    own = _of(names, _OWN).values()
    if about := _of(names, _ABOUT):
        return _listing_of_lines(about, _recorded(names, movement_lines.c.created_at), own)
    selected = _KEYS if "kind" in names else columns(movements.c.id)
    query = sa.select(*selected).where(*own, *_recorded(names, movements.c.created_at))
    is_timed = not {"since", "until", "kind"}.isdisjoint(names) and "reference" not in names
    time = [SortKey(movements.c.created_at, descending=True)] if is_timed else []
    return Listing(query, [*time, SortKey(movements.c.id, descending=True)])


# With only these columns, PostgreSQL uses the index of kinds and times. For whole rows it would scan the
# index of times, because rows of neighbouring times lie side by side, and skip the other kinds.
_KEYS = (movements.c.id, movements.c.created_at)
_rows = {
    dialect: sa.select(*columns(movements.c.id)).where(is_given(movements.c.id, "ids", dialect))
    for dialect in DIALECTS
}


def _whole_rows(reader: Connection, found: Sequence[sa.Row[Any]]) -> Sequence[sa.Row[Any]]:
    """The rows that `with_lines` takes, fetched if `found` has only `_KEYS`."""
    if not found or hasattr(found[0], "kind"):
        return found
    query = _rows[reader.dialect.name]
    rows = {row.id: row for row in reader.execute(query, {"ids": [row.id for row in found]}).all()}
    return [rows[row.id] for row in found]


def _whole(time: datetime) -> int:
    """The first millisecond since the epoch that is not before `time`, as times are stored."""
    return -((EPOCH - time) // MILLISECOND)


def _listing_of_lines(
    about: Mapping[str, sa.Column[Any]],
    recorded: Sequence[sa.ColumnElement[bool]],
    own: Collection[sa.ColumnElement[bool]],
) -> Listing:
    """The movements of matching lines, by the index of the lines, which is in the order of times too.

    A movement takes the place of the first of its lines that match. A subquery for the movements would have
    the databases sort all of them for each page; for counting, it is faster.
    """
    other = movement_lines.alias()
    first = sa.select(sa.func.min(other.c.line)).where(
        other.c.movement_id == movement_lines.c.movement_id,
        *(other.c[column.name] == sa.bindparam(name) for name, column in about.items()),
    )
    wanted = [*(column == sa.bindparam(name) for name, column in about.items()), *recorded]
    time = movement_lines.c.created_at.label("recorded")
    movement = movement_lines.c.movement_id.label("id")
    query = sa.select(*columns(movement), time).join_from(movement_lines, movements)
    # CASE hides this condition from PostgreSQL, which takes it for so selective that it would sort instead of
    # scanning the index in order.
    is_first = sa.case((movement_lines.c.line == first.scalar_subquery(), sa.true()), else_=sa.false())
    query = query.where(*wanted, is_first, *own)
    # DISTINCT on both columns reads the index in order, and only as far as rows are counted.
    having = sa.select(movement_lines.c.created_at, movement_lines.c.movement_id).where(*wanted).distinct()
    counted: sa.Select[*tuple[Any, ...]] = sa.select(having.subquery())
    if own:
        ids = sa.select(movement_lines.c.movement_id).where(*wanted)
        counted = sa.select(movements.c.id).where(movements.c.id.in_(ids), *own)
    return Listing(query, [SortKey(time, descending=True), SortKey(movement, descending=True)], counted)


def filtered(reader: Connection, query: Query, filters: Filters) -> Query:
    """Restrict `query` to the movements that match (contract: GET /movements); all of them are to be read."""
    values = {name: value for name, value in _values(reader, filters).items() if value is not None}
    query = query.where(*_of(values, _OWN).values(), *_recorded(values, movements.c.created_at))
    if about := _of(values, _ABOUT):
        line = movement_lines.alias("matching")
        lines = (line.c[column.name] == sa.bindparam(name) for name, column in about.items())
        query = query.where(movements.c.id.in_(sa.select(line.c.movement_id).where(*lines)))
    return query.params(values)
