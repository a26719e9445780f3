"""Items by the thousand: insert new ones, update those that differ, leave the others alone."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS, JsonRows
from stockroom.db.tables import item_tags, items
from stockroom.frozen import frozen
from stockroom.items.model import DEFAULT_UNIT, distinct
from stockroom.items.queries import add_tags

_Values = Mapping[str, Any]

_FIELDS = ("name", "description", "unit", "reorder_point")

_Query = sa.Select[*tuple[Any, ...]]


class _Statements:
    """Statements in a database's dialect, each of which takes its rows as one JSON array."""

    def __init__(self, dialect: str) -> None:
        rows = JsonRows(dialect)
        value = rows.value
        # In the order of the id, as all locks on items, so that no two deadlock.
        self.read: _Query = (
            sa.select(items.c.id, items.c.sku, *(items.c[name] for name in _FIELDS))
            .where(items.c.sku.in_(sa.select(value(items.c.sku))))
            .order_by(items.c.id)
        )
        self.lock: _Query = self.read.with_for_update(key_share=True, of=items)
        ids = sa.select(value(items.c.id))
        self.read_tags = sa.select(item_tags.c.item_id, item_tags.c.tag).where(item_tags.c.item_id.in_(ids))
        self.forget_tags = sa.delete(item_tags).where(item_tags.c.item_id.in_(ids))
        now = sa.bindparam("now", type_=items.c.created_at.type)
        new = {column: value(column) for column in (items.c.sku, *(items.c[name] for name in _FIELDS))}
        new[items.c.unit] = sa.func.coalesce(new[items.c.unit], DEFAULT_UNIT)
        new |= {items.c.archived: sa.false(), items.c.version: sa.literal(1)}
        new |= {items.c.created_at: now, items.c.updated_at: now}
        # SQLite reads ON CONFLICT after a SELECT as part of it, unless the SELECT ends in a WHERE.
        # PostgreSQL's construct also compiles for SQLite, with the same syntax.
        insert = postgresql.insert(items).from_select(list(new), sa.select(*new.values()).where(sa.true()))
        self.insert = _returning_ids(insert, rows)
        self.insert_missing = _returning_ids(insert.on_conflict_do_nothing(), rows)
        self.update = (
            sa.update(items)
            .where(items.c.id == value(items.c.id))
            .values({name: value(items.c[name]) for name in _FIELDS})
            .values(version=items.c.version + 1, updated_at=now)
        )


def _returning_ids(insert: postgresql.Insert, rows: JsonRows) -> sa.Executable:
    """The statement that inserts items; on PostgreSQL it inserts their tags too, in the same round trip."""
    inserted = insert.returning(items.c.id, items.c.sku)
    if rows.is_sqlite:
        return inserted
    new = inserted.cte("new")
    tag = rows.texts("tags")
    own = rows.elements.join(new, new.c.sku == rows.value(items.c.sku)).join(tag, sa.true())
    tags = sa.select(new.c.id, tag.c.value, new.c.sku).select_from(own)
    tagged = sa.insert(item_tags).from_select(list(item_tags.c), tags).cte("tagged")
    return sa.select(new.c.id, new.c.sku).add_cte(tagged)


_statements = {dialect: _Statements(dialect) for dialect in DIALECTS}


@frozen
class Upserted:
    """The outcome of the rows, by SKU."""

    created: frozenset[str]
    updated: frozenset[str]
    unchanged: frozenset[str]


def upsert_many(connection: Connection, rows: Sequence[_Values], *, now: datetime) -> Upserted:
    """Insert or update a few thousand items as `rows` say, in few statements.

    A row is `sku`, `name` and any of `description`, `unit`, `reorder_point` and `tags`; what it does not name
    stays as it is, and archived items stay archived. Tags are `distinct`; no two rows have the same SKU.
    Concurrent calls neither deadlock nor lose a change as long as each transaction makes one call.
    """
    wanted = {row["sku"]: row for row in sorted(rows, key=itemgetter("sku"))}
    statements = _statements[connection.dialect.name]
    with_tags = any("tags" in row for row in rows)
    stored = _stored(connection, statements.read, wanted, with_tags=with_tags)
    created = _create(connection, [row for sku, row in wanted.items() if sku not in stored], now)
    # All inserts come before all locks: a transaction that waits for another's insert holds no lock yet.
    differing = [sku for sku in wanted if sku not in created and not _holds(stored.get(sku), wanted[sku])]
    locked = _stored(connection, statements.lock, differing, with_tags=with_tags)
    updates = {sku: row for sku, row in locked.items() if not _holds(row, wanted[sku])}
    _change(connection, [(before, wanted[sku]) for sku, before in updates.items()], now)
    return Upserted(created, frozenset(updates), frozenset(wanted.keys() - created - updates.keys()))


def foresee_many(reader: Connection, rows: Sequence[_Values]) -> Upserted:
    """Report what `upsert_many` would do with the rows, without doing it."""
    wanted = {row["sku"]: row for row in rows}
    read = _statements[reader.dialect.name].read
    stored = _stored(reader, read, wanted, with_tags=any("tags" in row for row in rows))
    unchanged = frozenset(sku for sku, row in wanted.items() if _holds(stored.get(sku), row))
    return Upserted(frozenset(wanted.keys() - stored.keys()), frozenset(stored) - unchanged, unchanged)


def _holds(stored: _Values | None, wanted: _Values) -> bool:
    return stored is not None and all(stored[name] == value for name, value in wanted.items())


def _stored(
    connection: Connection, query: _Query, skus: Collection[str], *, with_tags: bool
) -> dict[str, dict[str, Any]]:
    if not skus:
        return {}
    rows = connection.execute(query, {"rows": [{"sku": sku} for sku in skus]}).mappings()
    found = {row["id"]: dict(row) for row in rows}
    if with_tags and found:
        tags: dict[int, list[str]] = {key: [] for key in found}
        # A separate statement: only one that starts after the wait for a lock sees the other writer's tags.
        read_tags = _statements[connection.dialect.name].read_tags
        for key, tag in connection.execute(read_tags, {"rows": _ids(found)}).all():
            tags[key].append(tag)
        for key, row in found.items():
            row["tags"] = distinct(tags[key])
    return {row["sku"]: row for row in found.values()}


def _ids(keys: Iterable[int]) -> list[_Values]:
    return [{"id": key} for key in keys]


def _create(connection: Connection, rows: Sequence[_Values], now: datetime) -> frozenset[str]:
    if not rows:
        return frozenset()
    statements = _statements[connection.dialect.name]
    new = {"rows": rows, "now": now}
    try:
        # Nearly always all of them are new, and to look for each again would take PostgreSQL longer.
        with connection.savepoint():
            inserted = connection.execute(statements.insert, new).all()
    except sa.exc.IntegrityError:
        inserted = connection.execute(statements.insert_missing, new).all()
    keys = {sku: key for key, sku in inserted}
    if connection.dialect.name == "sqlite":
        add_tags(connection, [(keys[row["sku"]], row["sku"], row.get("tags", ())) for row in rows])
    return frozenset(keys)


def _change(connection: Connection, pairs: Sequence[tuple[_Values, _Values]], now: datetime) -> None:
    if not pairs:
        return
    statements = _statements[connection.dialect.name]
    rows = [{**before, **after} for before, after in pairs]
    connection.execute(statements.update, {"rows": rows, "now": now})
    if retagged := [(row["id"], row["sku"], after["tags"]) for row, after in pairs if "tags" in after]:
        connection.execute(statements.forget_tags, {"rows": _ids(key for key, _, _ in retagged)})
        add_tags(connection, retagged)
