"""Use cases of locations: list, create, read, update and archive them."""

from collections.abc import Mapping
from typing import Any

from stockroom.db.connections import Connection
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import LocationInUse, LocationTaken, NotFound
from stockroom.locations import queries
from stockroom.locations.model import Location
from stockroom.stock import level_queries
from stockroom.versions import Expected, archives, changed


def list_locations(
    reader: Connection,
    request: PageRequest,
    *,
    q: str | None = None,
    archived: bool = False,
    sort: str = "code",
) -> Page[Location]:
    """Read a page of the locations that are archived or are not; `q` is searched for in code and name.

    Raises InvalidRequest for a cursor of another list or order.
    """
    return queries.page(reader, request, q=q, archived=archived, sort=sort)


def create(work: Work, *, code: str, name: str, description: str | None = None) -> Location:
    """Add a location at version 1. Raises LocationTaken, also for the code of an archived location."""
    location = Location(
        code=code,
        name=name,
        description=description,
        archived=False,
        version=1,
        created_at=work.now,
        updated_at=work.now,
    )
    if not queries.insert(work, location):
        raise LocationTaken(f"There is a location with the code {code} already.")
    return location


def read(reader: Connection, code: str) -> Location:
    """Read a location, archived or not. Raises NotFound."""
    return _existing(queries.find(reader, code), code)


def update(work: Work, code: str, *, expected: Expected, changes: Mapping[str, Any]) -> Location:
    """Apply a merge patch to the version that passes `expected`, and return the new state of the location.

    Of two callers with the same version one succeeds. A patch without effect makes no new version. Raises
    NotFound, PreconditionRequired, PreconditionFailed or LocationInUse, in this order.
    """
    before = _existing(queries.lock(work.connection, code), code)
    expected(before.version)
    after = changed(before, changes, work.now)
    # A movement takes a shared lock on the location, so no stock can arrive after this check.
    if archives(before, after) and level_queries.any_at(work.connection, code):
        raise LocationInUse(f"{code} still holds stock. Move or issue it first.")
    if after is not before:
        queries.save(work.connection, after)
    return after


def archive(work: Work, code: str, *, expected: Expected) -> None:
    """Archive a location; no error if it is archived already. Raises as `update` does."""
    update(work, code, expected=expected, changes={"archived": True})


def _existing(location: Location | None, code: str) -> Location:
    if location is None:
        raise NotFound(f"There is no location with the code {code}.")
    return location
