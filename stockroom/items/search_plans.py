"""The statements that find pages of a search on PostgreSQL, each tied to one query plan.

Each reads a page and one row more. PostgreSQL itself would choose by statistics that cannot distinguish
twenty items from thousands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import sqlalchemy as sa

from stockroom.db.keyset import after_cursor, in_order, whole
from stockroom.db.pages import SortKey, counting
from stockroom.db.tables import items
from stockroom.items.search import Search, carrying, is_tagged, may_hold

SAMPLE = 200
"""Items in the sample that shows whether a text is common."""

_Query = sa.Select[*tuple[Any, ...]]
_Condition = sa.ColumnElement[bool]

_sample = sa.select(items.c.id, items.c.sku, items.c.name).limit(SAMPLE).subquery()

carriers = counting(carrying)
"""How many items have the tag, as far as they are counted."""
held_in_sample: _Query = (
    sa.select(sa.func.count())
    .select_from(_sample)
    .where(*Search(archived=False, by_text=True).tests(_sample))
)
"""How many items of the sample contain the text."""


class Hits(NamedTuple):
    """All hits: a page of them, each row with their number as `page_total`; and their number alone.

    No more hits are sorted than are counted.
    """

    page: _Query
    total: _Query


class SearchPlans:
    """The statements for a search in one order, for pages by number or `after` a cursor, each made once.

    `listed` selects from items. `page_near` is how many items are tested in order.
    """

    def __init__(self, listed: _Query, search: Search, keys: Sequence[SortKey], *, after: bool) -> None:
        self.search, self.keys = search, keys
        self._listed = listed
        self._after = after

    @cached_property
    def in_order(self) -> _Query:
        """The hits among the near items, for the page."""
        columns = dict.fromkeys((items.c.id, items.c.sku, items.c.name, *(key.column for key in self.keys)))
        near = self._order(*columns).limit(whole("page_near")).subquery("near")
        tests = self.search.tests(near)
        return self._of(sa.select(near.c.id).where(*tests).order_by(*in_order(self._own(near))))

    @cached_property
    def far(self) -> _Query:
        """The first item that is not near."""
        return self._order(items.c.id).offset(whole("page_near")).limit(1)

    @cached_property
    def by_tag(self) -> Hits:
        """Look up the items of the tag, and test them for a text."""
        return self._hits(is_tagged(), *replace(self.search, by_tag=False).tests(items))

    @cached_property
    def by_text(self) -> Hits:
        """Find the items with the text by its index, and test them for a tag."""
        return self._hits(may_hold(), *self.search.tests(items))

    @cached_property
    def tested(self) -> _Query:
        """The number of hits, found by testing each item."""
        return counting(self._meant(self.search.tests(items)))

    @cached_property
    def tagged(self) -> _Query:
        """The number of items that have the tag."""
        return counting(self.search.tagged())

    def _hits(self, *conditions: _Condition) -> Hits:
        hits = self._meant(conditions)
        found = hits.limit(whole("page_counted")).cte("hits")
        own = self._own(found)
        beyond = [after_cursor(own)] if self._after else []
        total = sa.select(sa.func.count()).select_from(found).scalar_subquery().label("page_total")
        page = self._of(sa.select(found.c.id).where(*beyond).order_by(*in_order(own)))
        return Hits(page.add_columns(total), counting(hits))

    def _meant(self, conditions: Iterable[_Condition]) -> _Query:
        """All items for which the conditions hold, with only their id and sort keys, for they may be many."""
        query = sa.select(items.c.id, *(key.column for key in self.keys))
        return query.where(self.search.is_listed(), *conditions)

    def _order(self, *columns: sa.ColumnElement[Any]) -> _Query:
        beyond = [after_cursor(self.keys)] if self._after else []
        query = sa.select(*columns).where(self.search.is_listed(), *beyond)
        return query.order_by(*in_order(self.keys))

    def _own(self, rows: sa.FromClause) -> list[SortKey]:
        """The keys, as columns of `rows`."""
        return [SortKey(rows.c[key.column.name], key.descending) for key in self.keys]

    def _of(self, ids: _Query) -> _Query:
        """The page of those ids, which are in the order of the keys."""
        placed = ids.limit(whole("page_limit")).offset(whole("page_skipped")).subquery("placed")
        return self._listed.join(placed, placed.c.id == items.c.id).order_by(*in_order(self.keys))
