"""Use cases of the catalogue: list, create, read, update and archive items."""

from collections.abc import Iterable, Mapping
from typing import Any

from stockroom.db.connections import Connection
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import ItemInUse, NotFound, SkuTaken
from stockroom.items import queries
from stockroom.items.model import DEFAULT_UNIT, Item, changed, distinct
from stockroom.stock import level_queries
from stockroom.versions import Expected, archives


def list_items(
    reader: Connection,
    request: PageRequest,
    *,
    q: str | None = None,
    tag: str | None = None,
    archived: bool = False,
    sort: str = "sku",
) -> Page[Item]:
    """Read a page of the items that are archived or are not; `q` is searched for in SKU and name.

    Raises InvalidRequest for a cursor of another list or order.
    """
    return queries.page(reader, request, q=q, tag=tag, archived=archived, sort=sort)


def create(
    work: Work,
    *,
    sku: str,
    name: str,
    description: str | None = None,
    unit: str = DEFAULT_UNIT,
    reorder_point: int | None = None,
    tags: Iterable[str] = (),
) -> Item:
    """Add an item at version 1. Raises SkuTaken, also for the SKU of an archived item."""
    item = Item(
        sku=sku,
        name=name,
        description=description,
        unit=unit,
        reorder_point=reorder_point,
        tags=distinct(tags),
        archived=False,
        version=1,
        created_at=work.now,
        updated_at=work.now,
    )
    if not queries.insert(work, item):
        raise SkuTaken(f"There is an item with the SKU {sku} already.")
    return item


def read(reader: Connection, sku: str) -> Item:
    """Read an item, archived or not. Raises NotFound."""
    return _existing(queries.find(reader, sku), sku)


def update(work: Work, sku: str, *, expected: Expected, changes: Mapping[str, Any]) -> Item:
    """Apply a merge patch to the version that passes `expected`, and return the new state of the item.

    Of two callers with the same version one succeeds. A patch without effect makes no new version. Raises
    NotFound, PreconditionRequired, PreconditionFailed or ItemInUse, in this order.
    """
    before = _existing(queries.lock(work.connection, sku), sku)
    expected(before.version)
    after = changed(before, changes, work.now)
    # A movement takes a shared lock on the item, so no stock can arrive after this check.
    if archives(before, after) and level_queries.any_of_item(work.connection, sku):
        raise ItemInUse(f"There is stock of {sku}. Issue it or count it away first.")
    if after is not before:
        queries.save(work.connection, before, after)
    return after


def archive(work: Work, sku: str, *, expected: Expected) -> None:
    """Archive an item; no error if it is archived already. Raises as `update` does."""
    update(work, sku, expected=expected, changes={"archived": True})


def _existing(item: Item | None, sku: str) -> Item:
    if item is None:
        raise NotFound(f"There is no item with the SKU {sku}.")
    return item
