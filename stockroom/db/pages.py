"""Pages of a query, by number or by cursor.

A cursor holds the sort keys of the last row seen (keyset pagination), so that the index finds the next page
at a cost that does not grow with depth.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

import sqlalchemy as sa

from stockroom.db import cursors
from stockroom.db.connections import Connection
from stockroom.db.cursors import SortKey
from stockroom.db.keyset import LARGEST, after, after_cursor, cursor_values, in_order, whole
from stockroom.db.statements import Row
from stockroom.errors import InvalidRequest
from stockroom.frozen import frozen

__all__ = [
    "EXACT_UP_TO",
    "Listing",
    "Page",
    "PageRequest",
    "SortKey",
    "counted_up_to",
    "counting",
    "cursor_of",
    "page_of",
    "paginate",
    "skipped",
]

EXACT_UP_TO = 10_000
"""Rows that are counted; more are "at least so many" unless an exact count is asked for (contract: Count)."""

_Query = sa.Select[*tuple[Any, ...]]
_Start = Literal["first", "number", "cursor"]
T = TypeVar("T")


@frozen
class PageRequest:
    """The requested page: number `page` from 1, or what follows `cursor`; without either, the first."""

    page: int | None
    per_page: int
    cursor: str | None
    exact: bool


@frozen
class Page(Generic[T]):
    """Some rows of a list. `page` is None after a cursor; `next` is the cursor of the next page, or None."""

    rows: tuple[T, ...]
    total: int
    total_is_exact: bool
    page: int | None
    per_page: int
    next: str | None


class Listing:
    """A query and its order. Its statements are built once: keep it, and pass values with each request.

    The query selects the key columns, which are never NULL; the last one is unique. `counted` is a query with
    the same number of rows that is cheaper to count, if there is one. No bind parameter begins with `page_`.
    """

    def __init__(self, query: _Query, keys: Sequence[SortKey], counted: _Query | None = None) -> None:
        self.keys = keys
        self._query = query
        self._rows: dict[_Start, _Query] = {}
        self.total = counting(query if counted is None else counted)

    def rows(self, start: _Start) -> _Query:
        """The statement that reads a page and one row more; its last column is the total."""
        if start not in self._rows:
            query = self._query.add_columns(self.total.scalar_subquery().label("page_total"))
            ordered = query.order_by(*in_order(self.keys)).limit(whole("page_limit"))
            self._rows[start] = ordered if start == "first" else ordered.where(self._beyond(start))
        return self._rows[start]

    def _beyond(self, start: _Start) -> sa.ColumnElement[bool]:
        columns = [key.column for key in self.keys]
        if start == "cursor":
            return after_cursor(self.keys)
        # OFFSET skips keys alone: PostgreSQL computes the selected columns even of rows that it skips.
        named = [column.label(f"page_key_{number}") for number, column in enumerate(columns)]
        skipping = self._query.with_only_columns(*named, maintain_column_froms=True)
        skipping = skipping.order_by(*in_order(self.keys)).offset(whole("page_skipped")).limit(1)
        return after(
            self.keys, [sa.select(column).scalar_subquery() for column in skipping.cte("page_place").c]
        )


def paginate(
    reader: Connection,
    listing: Listing,
    *,
    request: PageRequest,
    read: Callable[[Row], T],
    values: Mapping[str, object] | None = None,
) -> Page[T]:
    """Read one page, each row through `read`; `values` are those of the query's bind parameters.

    A walk by cursor meets each row that stays in place exactly once, whatever is inserted or deleted
    meanwhile. Raises InvalidRequest for a cursor of another order, or one beside a page number.
    """
    given = {**(values or {}), "page_counted": counted_up_to(request)} | _place(listing, request)
    rows = reader.execute(listing.rows(_start(request)), given).all()
    # Each row has the total, if there is a row.
    total: int = rows[0].page_total if rows else reader.execute(listing.total, given).scalar_one()
    return page_of(rows, total, keys=listing.keys, request=request, read=read)


def counted_up_to(request: PageRequest) -> int:
    """The most rows that are counted."""
    return LARGEST if request.exact else EXACT_UP_TO + 1


def page_of(
    rows: Sequence[Row],
    total: int,
    *,
    keys: Sequence[SortKey],
    request: PageRequest,
    read: Callable[[Row], T],
) -> Page[T]:
    """Make the page of its rows and, if there is one, the row after them; `total` is as counted."""
    shown = rows[: request.per_page]
    is_exact = request.exact or total <= EXACT_UP_TO
    return Page(
        rows=tuple(read(row) for row in shown),
        total=total if is_exact else EXACT_UP_TO,
        total_is_exact=is_exact,
        page=None if request.cursor is not None else request.page or 1,
        per_page=request.per_page,
        next=cursors.encode(keys, shown[-1]) if len(rows) > len(shown) else None,
    )


def _start(request: PageRequest) -> _Start:
    if request.cursor is not None:
        return "cursor"
    return "first" if request.page in (None, 1) else "number"


def _place(listing: Listing, request: PageRequest) -> dict[str, object]:
    """The values of the bind parameters that select the page."""
    place: dict[str, object] = {
        "page_limit": request.per_page + 1,
        **cursor_values(listing.keys, cursor_of(request)),
    }
    if request.page is not None and request.page > 1:
        place["page_skipped"] = min(skipped(request) - 1, LARGEST)
    return place


def cursor_of(request: PageRequest) -> str | None:
    """The cursor that the page follows. Raises InvalidRequest for one beside a page number."""
    if request.page is not None and request.cursor is not None:
        raise InvalidRequest(
            "A page is asked for by its number or by a cursor, not by both.",
            errors=[{"detail": "cannot stand beside `page`", "parameter": "cursor"}],
        )
    return request.cursor


def skipped(request: PageRequest) -> int:
    """The number of rows before the page of this number."""
    return ((request.page or 1) - 1) * request.per_page


def counting(query: _Query) -> _Query:
    """The statement that counts the rows of a query, up to `page_counted`."""
    counted: _Query = query.with_only_columns(sa.literal_column("1"), maintain_column_froms=True)
    return sa.select(sa.func.count()).select_from(counted.limit(whole("page_counted")).subquery())
