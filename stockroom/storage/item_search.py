"""Searches of items: by text in SKU or name, and by tag.

PostgreSQL can find a page in two ways: along the index of its order, which ends soon if much is found and
reads all items if little is, or by sorting what the index of the search finds. It would choose by statistics
that do not tell twenty items from thousands, so here it is asked first, and then bound to one of the ways.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stockroom.storage.lists import holding, is_one_of
from stockroom.storage.tables import item_tags, items

FEW = 2_000
"""Items that are sorted at most."""

SAMPLE = 1_000
"""Items that are looked at to see whether a text is common; a quarter of them must hold it."""

_Query = sa.Select[*tuple[Any, ...]]
_Condition = sa.ColumnElement[bool]

_sample = sa.select(items.c.sku, items.c.name).limit(SAMPLE).subquery()


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The items that are found, and a query that counts them."""

    rows: _Query
    counted: _Query


def narrow(
    reader: sa.Connection, query: _Query, *, archived: bool, q: str | None, tag: str | None
) -> Narrowed:
    """Those items of `query`, which are `archived` or not, that hold `q` in SKU or name and carry the tag.

    None is no condition.
    """
    # No item holds a NUL, and PostgreSQL takes none (storage.lists).
    if reader.dialect.name == "sqlite" or "\0" in (q or ""):
        found = query.where(*conditions(q, tag))
        return Narrowed(found, found)
    found = query.where(*_bound(q, tag))
    counted = found
    for matching in _by_index(reader, q, tag):
        if are_few(reader, matching):
            found = found.where(is_one_of(items.c.id, matching, reader.dialect.name))
            return Narrowed(found, found)
        counted = found.where(_has_trigrams(q)) if q is not None else _tagged(tag, archived=archived)
    return Narrowed(found, counted)


def conditions(q: str | None, tag: str | None) -> Iterator[_Condition]:
    """What holds of items with `q` in SKU or name that carry the tag; None is no condition."""
    if q is not None:
        yield holding(q, items.c.sku, items.c.name)
    if tag is not None:
        # EXISTS would have SQLite look at every item, however few carry the tag.
        yield items.c.id.in_(_carrying(tag))


def _bound(q: str | None, tag: str | None) -> Iterator[_Condition]:
    """The same, said so that PostgreSQL cannot but test item by item, in whichever order they come."""
    if q is not None:
        yield sa.case((holding(q, items.c.sku, items.c.name), sa.true()), else_=sa.false())
    if tag is not None:
        carried = sa.select(sa.true()).where(item_tags.c.item_id == items.c.id, item_tags.c.tag == tag)
        yield sa.func.coalesce(carried.scalar_subquery(), sa.false())


def _by_index(reader: sa.Connection, q: str | None, tag: str | None) -> Iterator[_Query]:
    """What each index finds: ids of all items that are meant, and of some more."""
    if tag is not None:
        yield _carrying(tag)
    if q is not None and not _is_common(reader, q):
        yield sa.select(items.c.id).where(_has_trigrams(q))


def _has_trigrams(q: str) -> _Condition:
    return sa.func.item_trigrams(items.c.sku, items.c.name).bool_op("@@")(sa.func.trigram_query(q))


def _carrying(tag: str) -> _Query:
    return sa.select(item_tags.c.item_id).where(item_tags.c.tag == tag)


def _is_common(reader: sa.Connection, q: str) -> bool:
    """Whether so many items hold the text that counting them one by one is quicker than by the index."""
    held = sa.select(sa.func.count()).where(holding(q, _sample.c.sku, _sample.c.name))
    return (reader.scalar(held) or 0) * 4 >= SAMPLE


def are_few(reader: sa.Connection, matching: _Query | sa.CompoundSelect[*tuple[Any, ...]]) -> bool:
    """Whether so few ids are found that what they stand for can be sorted for each page."""
    some = sa.select(matching.subquery()).limit(FEW + 1).subquery()
    return (reader.scalar(sa.select(sa.func.count()).select_from(some)) or 0) <= FEW


def _tagged(tag: str | None, *, archived: bool) -> _Query:
    """The items of a tag, told from the others by the index of the archived: no row of theirs is read."""
    is_archived = sa.select(sa.true()).where(items.c.id == item_tags.c.item_id, items.c.archived)
    is_archived = is_archived.correlate(item_tags)
    return sa.select(item_tags.c.item_id).where(
        item_tags.c.tag == tag, sa.func.coalesce(is_archived.scalar_subquery(), sa.false()).is_(archived)
    )
