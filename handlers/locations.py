"""Places that hold stock."""

from typing import Any
from urllib.parse import quote

from handlers import _paging as paging
from handlers._versions import etag, expected_by
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.locations import actions as locations
from stockroom.locations.model import Location


def list_locations(
    page: int | None,
    per_page: int,
    cursor: str | None,
    count: str | None,
    q: str | None,
    archived: bool,
    sort: str,
    *,
    reader: Connection,
) -> tuple[dict[str, object], dict[str, str]]:
    request = paging.asked(page, per_page, cursor, count)
    found = locations.list_locations(reader, request, q=q, archived=archived, sort=sort)
    filters = {"q": q, "archived": archived, "sort": sort, "count": count}
    return paging.answer("locations", found, "/locations", filters)


def create(body: dict[str, Any], *, work: Work) -> tuple[Location, dict[str, str]]:
    location = locations.create(work, **body)
    headers = {"Location": f"/locations/{quote(location.code, safe='')}", "ETag": etag(location.version)}
    return location, headers


def read(code: str, *, reader: Connection) -> tuple[Location, dict[str, str]]:
    location = locations.read(reader, code)
    return location, {"ETag": etag(location.version)}


def update(
    code: str, if_match: str | None, body: dict[str, Any], *, work: Work
) -> tuple[Location, dict[str, str]]:
    location = locations.update(work, code, expected=expected_by(if_match), changes=body)
    return location, {"ETag": etag(location.version)}


def archive(code: str, if_match: str | None, *, work: Work) -> None:
    locations.archive(work, code, expected=expected_by(if_match))
