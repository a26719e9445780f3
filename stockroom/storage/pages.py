"""Pages of a query, by number or by cursor.

A cursor holds the sort keys of the last row seen (keyset pagination), so that the next page is found through
the index of the sort, at a cost that does not grow with depth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from stockroom.domain.errors import InvalidRequest
from stockroom.storage import cursors
from stockroom.storage.cursors import Key

__all__ = ["EXACT_UP_TO", "Key", "Page", "PageRequest", "paginate"]

EXACT_UP_TO = 10_000
"""Rows that are counted; more are "at least so many" unless an exact count is asked for (contract: Count)."""

_LARGEST_OFFSET = 2**63 - 1

_Query = sa.Select[*tuple[Any, ...]]
_Row = sa.Row[*tuple[Any, ...]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page asked for: number `page` from 1, or what follows `cursor`; neither means the first."""

    page: int | None
    per_page: int
    cursor: str | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list. `page` is None after a cursor; `next` is the cursor of what follows, or None."""

    rows: tuple[T, ...]
    total: int
    total_is_exact: bool
    page: int | None
    per_page: int
    next: str | None


def paginate(
    reader: sa.Connection,
    query: _Query,
    *,
    keys: Sequence[Key],
    request: PageRequest,
    read: Callable[[_Row], T],
    counted: _Query | None = None,
) -> Page[T]:
    """Read one page of `query` in the order of `keys`, each row through `read`.

    `counted` finds the same rows in a way that is cheaper to count, if there is one.

    The key columns are selected by the query and never NULL, and the last one is unique. Rows that stay in
    place are met exactly once on a walk by cursor, whatever is inserted or deleted meanwhile.
    Raises InvalidRequest for a cursor that was not made for this order, or one beside a page number.
    """
    if request.page is not None and request.cursor is not None:
        raise InvalidRequest(
            "A page is asked for by its number or by a cursor, not by both.",
            errors=[{"detail": "cannot stand beside `page`", "parameter": "cursor"}],
        )
    rows = _rows(reader, query, keys, request)
    shown = rows[: request.per_page]
    total, total_is_exact = _total(reader, query if counted is None else counted, exact=request.exact)
    return Page(
        rows=tuple(read(row) for row in shown),
        total=total,
        total_is_exact=total_is_exact,
        page=None if request.cursor is not None else request.page or 1,
        per_page=request.per_page,
        next=cursors.encode(keys, shown[-1]) if len(rows) > len(shown) else None,
    )


def _rows(reader: sa.Connection, query: _Query, keys: Sequence[Key], request: PageRequest) -> Sequence[_Row]:
    """The rows of the page, and one more if there is one."""
    ordered = query.order_by(*_order(keys)).limit(request.per_page + 1)
    if request.cursor is not None:
        ordered = ordered.where(_beyond(keys, cursors.decode(keys, request.cursor)))
    elif request.page is not None and request.page > 1:
        before = _before(reader, query, keys, (request.page - 1) * request.per_page)
        if before is None:
            return ()
        ordered = ordered.where(_beyond(keys, before))
    return reader.execute(ordered).all()


def _before(
    reader: sa.Connection, query: _Query, keys: Sequence[Key], skipped: int
) -> tuple[object, ...] | None:
    # Skipping reads the keys alone: PostgreSQL works out every selected column, even of rows it passes over.
    place: _Query = query.with_only_columns(*(key.column for key in keys), maintain_column_froms=True)
    place = place.order_by(*_order(keys)).offset(min(skipped - 1, _LARGEST_OFFSET)).limit(1)
    row = reader.execute(place).one_or_none()
    return None if row is None else tuple(row)


def _order(keys: Sequence[Key]) -> list[sa.ColumnElement[Any]]:
    return [key.column.desc() if key.descending else key.column.asc() for key in keys]


def _beyond(keys: Sequence[Key], values: Sequence[object]) -> sa.ColumnElement[bool]:
    """What comes after `values`, said so that SQLite and PostgreSQL both seek to the place in an index."""
    if len({(key.descending, getattr(key.column, "table", None)) for key in keys}) > 1:
        return _beyond_mixed(keys, values)
    place = sa.tuple_(*(key.column for key in keys))
    return place < tuple(values) if keys[0].descending else place > tuple(values)


def _beyond_mixed(keys: Sequence[Key], values: Sequence[object]) -> sa.ColumnElement[bool]:
    # Row values compare in one direction, and by an index in one table, only. The first key is compared once
    # more for the index's sake.
    column, value = keys[0].column, values[0]
    after = column < value if keys[0].descending else column > value
    if len(keys) == 1:
        return after
    reached = column <= value if keys[0].descending else column >= value
    return sa.and_(reached, sa.or_(after, _beyond_mixed(keys[1:], values[1:])))


def _total(reader: sa.Connection, query: _Query, *, exact: bool) -> tuple[int, bool]:
    counted: _Query = query.with_only_columns(sa.literal_column("1"), maintain_column_froms=True)
    if not exact:
        counted = counted.limit(EXACT_UP_TO + 1)
    total = reader.scalar(sa.select(sa.func.count()).select_from(counted.subquery())) or 0
    return (total, True) if exact else (min(total, EXACT_UP_TO), total <= EXACT_UP_TO)
