"""Pages of the ledger, each filter through an index of its own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from stockroom.domain.ledger import Kind, Movement
from stockroom.storage.movements import columns, with_lines
from stockroom.storage.pages import Key, Page, PageRequest, paginate
from stockroom.storage.tables import EPOCH, MILLISECOND, items, locations, movement_lines, movements

_Query = sa.Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which movements are meant; None means any. `sku` and `location` are of one and the same line."""

    sku: str | None = None
    location: str | None = None
    kind: Kind | None = None
    since: datetime | None = None
    until: datetime | None = None
    reference: str | None = None


def page(reader: sa.Connection, request: PageRequest, filters: Filters) -> Page[Movement]:
    """Read a page of the movements, newest first: in the order of their ids, or of their times where a time
    alone narrows them down, for ids that grew at once may have times the other way round.
    """
    about = _about(reader, filters)
    conditions = _conditions(filters)
    if about:
        found = _paginate_lines(reader, request, about, conditions)
    else:
        query = sa.select(*columns(movements.c.id)).where(*conditions)
        is_timed = (filters.since or filters.until) and filters.reference is None
        time = [Key(movements.c.created_at, descending=True)] if is_timed else []
        keys = [*time, Key(movements.c.id, descending=True)]
        found = paginate(reader, query, keys=keys, request=request, read=lambda row: row)
    return Page(
        rows=with_lines(reader, found.rows),
        total=found.total,
        total_is_exact=found.total_is_exact,
        page=found.page,
        per_page=found.per_page,
        next=found.next,
    )


def _about(reader: sa.Connection, filters: Filters) -> dict[sa.Column[Any], int]:
    """What a line must be about: columns of the lines, and values for them, of which -1 is never found."""
    about: dict[sa.Column[Any], int] = {}
    if filters.sku is not None:
        item = reader.scalar(sa.select(items.c.id).where(items.c.sku == filters.sku))
        about[movement_lines.c.item_id] = -1 if item is None else item
    if filters.location is not None:
        location = reader.scalar(sa.select(locations.c.id).where(locations.c.code == filters.location))
        about[movement_lines.c.location_id] = -1 if location is None else location
    return about


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    recorded = sa.type_coerce(movements.c.created_at, sa.BigInteger)
    conditions: list[sa.ColumnElement[bool]] = []
    if filters.kind is not None:
        conditions.append(movements.c.kind == filters.kind)
    if filters.reference is not None:
        conditions.append(movements.c.reference == filters.reference)
    if filters.since is not None:
        conditions.append(recorded >= _whole(filters.since))
    if filters.until is not None:
        conditions.append(recorded < _whole(filters.until))
    return conditions


def _whole(time: datetime) -> int:
    """The first millisecond that is not before `time`, since the epoch, as times are stored."""
    return -((EPOCH - time) // MILLISECOND)


def _paginate_lines(
    reader: sa.Connection,
    request: PageRequest,
    about: dict[sa.Column[Any], int],
    conditions: list[sa.ColumnElement[bool]],
) -> Page[sa.Row[Any]]:
    """The movements of lines, found along the index of the lines, which is in the order of movements too.

    A movement stands where the first of its lines does. Asked for the movements that have such a line, the
    databases would sort all of them for each page; that is the quicker way to count them, though.
    """
    other = movement_lines.alias()
    first = sa.select(sa.func.min(other.c.line)).where(
        other.c.movement_id == movement_lines.c.movement_id,
        *(other.c[column.name] == value for column, value in about.items()),
    )
    matching = [column == value for column, value in about.items()]
    movement = movement_lines.c.movement_id.label("id")
    query = sa.select(*columns(movement)).join_from(movement_lines, movements)
    query = query.where(*matching, movement_lines.c.line == first.scalar_subquery(), *conditions)
    having = movements.c.id.in_(sa.select(movement_lines.c.movement_id).where(*matching))
    counted = sa.select(movements.c.id).where(having, *conditions)
    keys = [Key(movement, descending=True)]
    return paginate(reader, query, keys=keys, request=request, read=lambda row: row, counted=counted)


def matching(reader: sa.Connection, filters: Filters) -> list[sa.ColumnElement[bool]]:
    """What holds of the rows of `movements` that are meant, and of no others."""
    about = _about(reader, filters)
    if not about:
        return _conditions(filters)
    line = movement_lines.alias("matching")
    lines = sa.select(line.c.movement_id).where(*(line.c[c.name] == value for c, value in about.items()))
    return [*_conditions(filters), movements.c.id.in_(lines)]
