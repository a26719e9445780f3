"""The catalogue."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from handlers import _paging as paging
from handlers._versions import etag, expected_by
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.items import actions as items
from stockroom.items.model import Item
from stockroom.stock import levels


def list_items(
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    q: str | None,
    tag: str | None,
    archived: bool,
    sort: str,
    *,
    reader: Connection,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = items.list_items(reader, request, q=q, tag=tag, archived=archived, sort=sort)
    filters = {"q": q, "tag": tag, "archived": archived, "sort": sort, "count": count}
    return paging.answer("items", found, "/items", filters)


def create(body: dict[str, Any], *, work: Work) -> tuple[Item, dict[str, str]]:
    item = items.create(work, **body)
    return item, {"Location": f"/items/{quote(item.sku, safe='')}", "ETag": etag(item.version)}


def read(sku: str, *, reader: Connection) -> tuple[Item, dict[str, str]]:
    item = items.read(reader, sku)
    return item, {"ETag": etag(item.version)}


def update(
    sku: str, if_match: str | None, body: dict[str, Any], *, work: Work
) -> tuple[Item, dict[str, str]]:
    item = items.update(work, sku, expected=expected_by(if_match), changes=body)
    return item, {"ETag": etag(item.version)}


def archive(sku: str, if_match: str | None, *, work: Work) -> None:
    items.archive(work, sku, expected=expected_by(if_match))


def list_levels(
    sku: str,
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    *,
    reader: Connection,
    now: datetime,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    totals, found = levels.of_item(reader, request, sku, now=now)
    body, headers = paging.answer("levels", found, f"/items/{quote(sku, safe='')}/levels", {"count": count})
    return {"sku": sku, "totals": totals, **body}, headers
