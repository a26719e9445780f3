"""Pages of a search on PostgreSQL, which would choose its way by statistics that do not tell twenty items
from thousands. So it is asked first, and then bound to one of two ways.

*All hits* are found by an index and tested, and a page of them is sorted: it takes as long as there are hits.
*The order* is gone along and tested until a page is full: soon, where there are many hits, unless all of them
stand at its far end. So few hits are sorted at once; for many the order is tried, as far as that is quick.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa

from stockroom.storage.item_search import Search
from stockroom.storage.keyset import LARGEST, after_cursor, cursor_values, in_order, whole
from stockroom.storage.pages import Key, Page, PageRequest, counted_up_to, cursor_of, page_of, skipped
from stockroom.storage.tables import items

NEAR, NEAR_A_HIT = 10_000, 10
"""Items of the order that are tested before all hits are sorted, and so many more for each hit to find."""

_Query = sa.Select[*tuple[Any, ...]]
_Row = sa.Row[*tuple[Any, ...]]
_Condition = sa.ColumnElement[bool]
T = TypeVar("T")


def page(
    reader: sa.Connection,
    listed: _Query,
    search: Search,
    *,
    keys: Sequence[Key],
    request: PageRequest,
    read: Callable[[_Row], T],
) -> Page[T]:
    """Read a page of the items that are meant; `listed` selects from `items` what `read` takes."""
    rows, total = _rows(reader, search, _Ways(listed, search, keys, request), counted_up_to(request))
    return page_of(rows, total, keys=keys, request=request, read=read)


def _rows(reader: sa.Connection, search: Search, ways: "_Ways", counted: int) -> tuple[Sequence[_Row], int]:
    """The rows of the page, and how many there are in all, as far as they are `counted`."""
    if search.has_rare_tag(reader):
        hits = [search.by_tag(), *replace(search, tag=None).tests(items)]
        return _sorted_or_in_order(reader, ways, hits, counted)
    if search.q is None:
        rows = ways.completed(reader, ways.in_order(reader), [search.by_tag()])
        return rows, ways.count(reader, search.tagged(), counted)
    hits = [*search.tests(items)]
    if search.has_common_text(reader):
        # Most are hits: to pass over the others takes less time than to sort them.
        return ways.in_order(reader, page_near=LARGEST), ways.count(reader, ways.hits(hits), counted)
    return _sorted_or_in_order(reader, ways, [search.by_text(), *hits], counted)


def _sorted_or_in_order(
    reader: sa.Connection, ways: "_Ways", hits: list[_Condition], counted: int
) -> tuple[Sequence[_Row], int]:
    rows, total = ways.sorted(reader, hits, counted)
    # They are counted up to there anyway, and where there are fewer these are all of them.
    return rows if total < counted else ways.completed(reader, ways.in_order(reader), hits), total


class _Ways:
    """The statements that read a page, and one row more."""

    def __init__(self, listed: _Query, search: Search, keys: Sequence[Key], request: PageRequest) -> None:
        self._listed, self._search, self._keys, self._per_page = listed, search, keys, request.per_page
        self._after = [after_cursor(keys)] if request.cursor is not None else []
        before = skipped(request)
        self._given = {
            "page_limit": request.per_page + 1,
            "page_skipped": min(before, LARGEST),
            "page_near": min(NEAR + NEAR_A_HIT * (before + request.per_page), LARGEST),
            **cursor_values(keys, cursor_of(request)),
        }

    def hits(self, conditions: Iterable[_Condition]) -> _Query:
        """All items of which this holds; no more of each than its sort keys, for they may be many."""
        query = sa.select(items.c.id, *(key.column for key in self._keys))
        return query.where(self._search.is_listed(), *conditions)

    def sorted(
        self, reader: sa.Connection, conditions: Iterable[_Condition], counted: int
    ) -> tuple[Sequence[_Row], int]:
        """The rows, taken from so many hits at most, and how many those are."""
        hits = self.hits(conditions)
        found = hits.limit(whole("page_counted")).cte("hits")
        own = [Key(found.c[key.column.name], key.descending) for key in self._keys]
        beyond = [after_cursor(own)] if self._after else []
        total = sa.select(sa.func.count()).select_from(found).scalar_subquery().label("page_total")
        query = self._of(sa.select(found.c.id).where(*beyond).order_by(*in_order(own)))
        rows = reader.execute(query.add_columns(total), {**self._given, "page_counted": counted}).all()
        # Each row tells the total, where there is one.
        return rows, rows[0].page_total if rows else self.count(reader, hits, counted)

    def count(self, reader: sa.Connection, hits: _Query, counted: int) -> int:
        """How many there are, as far as they are counted."""
        some = hits.limit(whole("page_counted")).subquery()
        return reader.scalar(sa.select(sa.func.count()).select_from(some), {"page_counted": counted}) or 0

    def in_order(self, reader: sa.Connection, **given: int) -> Sequence[_Row]:
        """The rows, as far as they are near; `page_near` says otherwise how far that is."""
        columns = dict.fromkeys((items.c.id, items.c.sku, items.c.name, *(key.column for key in self._keys)))
        near = self._order(*columns).limit(whole("page_near")).subquery("near")
        own = [Key(near.c[key.column.name], key.descending) for key in self._keys]
        hits = sa.select(near.c.id).where(*self._search.tests(near)).order_by(*in_order(own))
        return reader.execute(self._of(hits), self._given | given).all()

    def completed(
        self, reader: sa.Connection, rows: Sequence[_Row], conditions: list[_Condition]
    ) -> Sequence[_Row]:
        """The rows that are near, or if they are too few and there are others, the page of all hits."""
        if len(rows) > self._per_page:
            return rows
        far = self._order(items.c.id).offset(whole("page_near")).limit(1)
        is_any_far = reader.scalar(far, self._given) is not None
        return self.sorted(reader, conditions, LARGEST)[0] if is_any_far else rows

    def _order(self, *columns: sa.ColumnElement[Any]) -> _Query:
        query = sa.select(*columns).where(self._search.is_listed(), *self._after)
        return query.order_by(*in_order(self._keys))

    def _of(self, ids: _Query) -> _Query:
        """The page of those ids, whose order is that of the keys."""
        placed = ids.limit(whole("page_limit")).offset(whole("page_skipped")).subquery("placed")
        return self._listed.join(placed, placed.c.id == items.c.id).order_by(*in_order(self._keys))
