"""Queries of single locations and of pages of them."""

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.db.connections import Connection
from stockroom.db.lists import holding, orders, pattern
from stockroom.db.pages import Listing, Page, PageRequest, paginate
from stockroom.db.statements import Row
from stockroom.db.tables import locations
from stockroom.db.unit_of_work import Work
from stockroom.locations.model import Location

_columns = (
    locations.c.code,
    locations.c.name,
    locations.c.description,
    locations.c.archived,
    locations.c.version,
    locations.c.created_at,
    locations.c.updated_at,
)
_code = locations.c.code == sa.bindparam("key")

_list = sa.select(*_columns)
_find = _list.where(_code)
# FOR NO KEY UPDATE waits for movements at the location, which share the lock (stock.level_locks), and does
# not block foreign keys. SQLite has one writer.
_lock = _find.with_for_update(key_share=True)
# PostgreSQL's construct also compiles for SQLite, with the same syntax.
_insert = postgresql.insert(locations).on_conflict_do_nothing().returning(locations.c.id)
_update = sa.update(locations).where(_code)

ORDERS = orders(locations, ("code", "name"), unique="code")
"""Orders by their name in the contract."""


def find(reader: Connection, code: str) -> Location | None:
    return _one(reader, _find, code)


def page(
    reader: Connection, request: PageRequest, *, q: str | None, archived: bool, sort: str
) -> Page[Location]:
    """Read a page of the locations, in one of `ORDERS`; `q` is searched for in code and name."""
    listing = _listing(archived=archived, by_text=q is not None, sort=sort)
    values = {} if q is None else {"pattern": pattern(q)}
    return paginate(reader, listing, request=request, read=_location, values=values)


@cache
def _listing(*, archived: bool, by_text: bool, sort: str) -> Listing:
    query = _list.where(locations.c.archived.is_(archived))
    if by_text:
        query = query.where(holding(locations.c.code, locations.c.name))
    return Listing(query, ORDERS[sort])


def lock(connection: Connection, code: str) -> Location | None:
    """Read one location, and lock it and its stock against changes until the transaction ends."""
    return _one(connection, _lock, code)


def insert(work: Work, location: Location) -> bool:
    """Insert a location; False if its code is taken, also by a transaction that has just committed.

    Nothing else may be written by the `work`.
    """
    return work.alone(_insert, _values(location)) is not None


def save(connection: Connection, after: Location) -> None:
    """Replace a locked location by its next version."""
    connection.execute(_update, {"key": after.code, **_values(after)})


def _one(connection: Connection, query: sa.Select[*tuple[Any, ...]], code: str) -> Location | None:
    row = connection.execute(query, {"key": code}).one_or_none()
    return None if row is None else _location(row)


def _values(location: Location) -> dict[str, object]:
    return {column.name: getattr(location, column.name) for column in _columns}


def _location(row: Row) -> Location:
    code, name, description, archived, version, created_at, updated_at, *_ = row
    return Location(code, name, description, archived, version, created_at, updated_at)
