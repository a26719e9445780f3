"""Pages of a search on PostgreSQL: a look at the data decides between two query plans.

*All hits*: an index finds them, they are tested and sorted. This takes as long as there are hits.
*In order*: items are tested in sort order until the page is full. This is fast if hits are frequent, unless
all stand at the far end. So few hits are sorted at once; with many, the order is tried first, up to a limit.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.keyset import LARGEST, cursor_values
from stockroom.db.pages import EXACT_UP_TO, Page, PageRequest, counted_up_to, cursor_of, page_of, skipped
from stockroom.db.statements import Row
from stockroom.items import search_plans
from stockroom.items.search_plans import Hits, SearchPlans

NEAR, NEAR_A_HIT = 10_000, 10
"""Items that are tested in order before all hits are sorted; the second is added for each hit to find."""

_Query = sa.Select[*tuple[Any, ...]]
_Values = Mapping[str, Any]
_Found = tuple[Sequence[Row], int]
T = TypeVar("T")


def page(
    reader: Connection, plans: SearchPlans, *, request: PageRequest, values: _Values, read: Callable[[Row], T]
) -> Page[T]:
    """Read a page of the items that match; `values` are those of the search."""
    rows, total = _find(reader, plans, {**values, **_place(plans, request)})
    return page_of(rows, total, keys=plans.keys, request=request, read=read)


def _place(plans: SearchPlans, request: PageRequest) -> dict[str, object]:
    before = skipped(request)
    return {
        "page_counted": counted_up_to(request),
        "page_limit": request.per_page + 1,
        "page_skipped": min(before, LARGEST),
        "page_near": min(NEAR + NEAR_A_HIT * (before + request.per_page), LARGEST),
        **cursor_values(plans.keys, cursor_of(request)),
    }


def _find(reader: Connection, plans: SearchPlans, given: _Values) -> _Found:
    """The rows of the page, and the number of hits, as far as they are counted."""
    if plans.search.by_tag and _is_rare(reader, given):
        return _sorted_or_in_order(reader, plans, plans.by_tag, given)
    if not plans.search.by_text:
        return _in_order(reader, plans, plans.by_tag, given), _count(reader, plans.tagged, given)
    if _is_common(reader, given):
        # Most items are hits: to skip the others is faster than to sort the hits.
        rows = reader.execute(plans.in_order, {**given, "page_near": LARGEST}).all()
        return rows, _count(reader, plans.tested, given)
    return _sorted_or_in_order(reader, plans, plans.by_text, given)


def _is_rare(reader: Connection, given: _Values) -> bool:
    """Whether so few items have the tag that it is faster to look them up than to search the text."""
    counted = {**given, "page_counted": EXACT_UP_TO + 1}
    return _count(reader, search_plans.carriers, counted) <= EXACT_UP_TO


def _is_common(reader: Connection, given: _Values) -> bool:
    """Whether so many items contain the text that its index is no faster than testing each item."""
    return _count(reader, search_plans.held_in_sample, given) * 4 >= search_plans.SAMPLE


def _sorted_or_in_order(reader: Connection, plans: SearchPlans, hits: Hits, given: _Values) -> _Found:
    rows, total = _sorted(reader, hits, given)
    # Hits are counted up to this limit anyway; with fewer, these rows are of all of them.
    return (rows if total < given["page_counted"] else _in_order(reader, plans, hits, given)), total


def _sorted(reader: Connection, hits: Hits, given: _Values) -> _Found:
    rows = reader.execute(hits.page, given).all()
    # Each row has the total, if there is a row.
    return rows, rows[0].page_total if rows else _count(reader, hits.total, given)


def _in_order(reader: Connection, plans: SearchPlans, hits: Hits, given: _Values) -> Sequence[Row]:
    """The near hits or, if these are too few and more items follow, the page of all hits."""
    rows = reader.execute(plans.in_order, given).all()
    if len(rows) == given["page_limit"] or reader.scalar(plans.far, given) is None:
        return rows
    return _sorted(reader, hits, {**given, "page_counted": LARGEST})[0]


def _count(reader: Connection, counting: _Query, given: _Values) -> int:
    return reader.scalar(counting, given) or 0
