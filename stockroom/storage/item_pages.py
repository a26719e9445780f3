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
from stockroom.storage.pages import (
    EXACT_UP_TO,
    Key,
    Page,
    PageRequest,
    counted_up_to,
    cursor_of,
    page_of,
    skipped,
)
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
    conditions, are_found_quickly = _found(reader, search)
    hits = sa.select(items.c.id, *(key.column for key in keys)).where(search.is_listed(), *conditions)
    ways = _Ways(listed, search, keys, request)
    counted = counted_up_to(request)
    if are_found_quickly:
        rows, total = ways.sorted(reader, hits, counted)
        # They are counted up to there anyway, and where there are fewer these are all of them.
        if total < counted:
            return page_of(rows, total, keys=keys, request=request, read=read)
        rows = ways.in_order(reader)
    elif search.q is None:
        rows, total = ways.in_order_if_known(reader)
        if total > EXACT_UP_TO:
            rows, total = ways.in_order(reader), ways.count(reader, search.tagged(), counted)
    else:
        rows, total = ways.in_order(reader), ways.count(reader, hits, counted)
    if len(rows) <= request.per_page and ways.is_order_longer(reader):
        rows, _ = ways.sorted(reader, hits, LARGEST)
    return page_of(rows, total, keys=keys, request=request, read=read)


def _found(reader: sa.Connection, search: Search) -> tuple[list[_Condition], bool]:
    """What finds the items that are meant, and whether it finds 10,000 of them faster than the order does."""
    if search.has_rare_tag(reader):
        return [search.by_tag(), *replace(search, tag=None).tests(items)], True
    if search.q is None:
        return [search.by_tag()], False
    if search.has_common_text(reader):
        return [*search.tests(items)], False
    return [search.by_text(), *search.tests(items)], True


class _Ways:
    """The statements that read a page, and one row more."""

    def __init__(self, listed: _Query, search: Search, keys: Sequence[Key], request: PageRequest) -> None:
        self._listed, self._search, self._keys = listed, search, keys
        self._after = [after_cursor(keys)] if request.cursor is not None else []
        before = skipped(request)
        self._given = {
            "page_limit": request.per_page + 1,
            "page_skipped": min(before, LARGEST),
            "page_near": min(NEAR + NEAR_A_HIT * (before + request.per_page), LARGEST),
            **cursor_values(keys, cursor_of(request)),
        }

    def sorted(self, reader: sa.Connection, hits: _Query, counted: int) -> tuple[Sequence[_Row], int]:
        """The rows, taken from so many hits at most, and how many those are."""
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

    def in_order(self, reader: sa.Connection) -> Sequence[_Row]:
        """The rows, as far as they are near."""
        near = self._near()
        return reader.execute(self._of_near(near, self._search.tests(near)), self._given).all()

    def in_order_if_known(self, reader: sa.Connection) -> tuple[Sequence[_Row], int]:
        """The same for a tag alone, and how many carry it: if those are counted, they are known by heart."""
        near, tagged = self._near(), self._search.tagged()
        # Without a limit PostgreSQL may think that memory does not hold them, and read all of them each time.
        known = tagged.limit(EXACT_UP_TO + 1).cte("known")
        is_known = sa.case((near.c.id.in_(sa.select(known.c.item_id)), sa.true()), else_=sa.false())
        total = sa.select(sa.func.count()).select_from(known).scalar_subquery().label("page_total")
        rows = reader.execute(self._of_near(near, [is_known]).add_columns(total), self._given).all()
        return rows, rows[0].page_total if rows else self.count(reader, tagged, EXACT_UP_TO + 1)

    def _near(self) -> sa.Subquery:
        columns = dict.fromkeys((items.c.id, items.c.sku, items.c.name, *(key.column for key in self._keys)))
        return self._order(*columns).limit(whole("page_near")).subquery("near")

    def _of_near(self, near: sa.Subquery, tests: Iterable[_Condition]) -> _Query:
        own = [Key(near.c[key.column.name], key.descending) for key in self._keys]
        return self._of(sa.select(near.c.id).where(*tests).order_by(*in_order(own)))

    def is_order_longer(self, reader: sa.Connection) -> bool:
        """Whether there are items that are not near."""
        beyond = self._order(items.c.id).offset(whole("page_near")).limit(1)
        return reader.scalar(beyond, self._given) is not None

    def _order(self, *columns: sa.ColumnElement[Any]) -> _Query:
        query = sa.select(*columns).where(self._search.is_listed(), *self._after)
        return query.order_by(*in_order(self._keys))

    def _of(self, ids: _Query) -> _Query:
        """The page of those ids, whose order is that of the keys."""
        placed = ids.limit(whole("page_limit")).offset(whole("page_skipped")).subquery("placed")
        return self._listed.join(placed, placed.c.id == items.c.id).order_by(*in_order(self._keys))
