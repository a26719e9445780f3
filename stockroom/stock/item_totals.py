"""The summary as running totals, without writers that wait for each other.

A trigger puts the id of each changed item, or item of a changed level, into `untallied`. Each second a worker
takes some of these ids, computes the items' figures again, stores them in `tallies`, and adds the difference
to `totals`. A reader adds the figures of untallied items in the same statement: at every commit, totals and
untallied items together are the stock, however late the worker is. New items are counted at once: a trigger
stores their figures in `tallies`, and the sum of each statement in `additions`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.db.connections import Connection
from stockroom.db.json_rows import DIALECTS, JsonRows
from stockroom.db.lists import is_one_of
from stockroom.db.tables import additions, items, levels, tallies, totals, untallied

BATCH = 10_000
"""Ids taken in one transaction."""

# Any number works, as long as every worker uses the same.
_LOCK = 0x54_41_4C_4C_59

_FIGURES = ("items", "archived_items", "units", "low_stock")

_tallied_low = sa.exists().where(tallies.c.item_id == untallied.c.item_id, tallies.c.low)
perhaps_low = sa.union_all(
    sa.select(tallies.c.item_id).where(tallies.c.low),
    sa.select(untallied.c.item_id).distinct().where(sa.not_(_tallied_low)),
)
"""Ids of all low items, and of some that may be low, without duplicates."""

_on_hand = (
    sa.select(sa.cast(sa.func.coalesce(sa.func.sum(levels.c.on_hand), 0), sa.BigInteger))
    .where(levels.c.item_id == items.c.id)
    .scalar_subquery()
)
_taken = (
    sa.delete(untallied)
    .where(untallied.c.id.in_(sa.select(untallied.c.id).order_by(untallied.c.id).limit(BATCH)))
    .returning(untallied.c.item_id)
)
_added = (
    sa.delete(additions)
    .where(additions.c.id.in_(sa.select(additions.c.id).order_by(additions.c.id).limit(BATCH)))
    .returning(*(additions.c[name] for name in _FIGURES))
)


def _worked_out(condition: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    """The present figures of the items, with the columns of `tallies`."""
    found = sa.select(
        items.c.id.label("item_id"), items.c.archived, items.c.reorder_point, _on_hand.label("on_hand")
    )
    each = found.where(condition).subquery("each")
    low = sa.and_(each.c.reorder_point.is_not(None), each.c.on_hand <= each.c.reorder_point)
    return sa.select(each.c.item_id, each.c.archived, each.c.on_hand, low.label("low"))


def _added_up(rows: sa.FromClause) -> dict[str, sa.ColumnElement[int]]:
    """The sums of rows with the columns of `tallies`."""
    count, archived = sa.func.count(), rows.c.archived
    return {
        "items": count.filter(sa.not_(archived)),
        "archived_items": count.filter(archived),
        "units": sa.cast(sa.func.coalesce(sa.func.sum(rows.c.on_hand), 0), sa.BigInteger),
        "low_stock": count.filter(rows.c.low, sa.not_(archived)),
    }


def figures(dialect: str) -> dict[str, sa.ColumnElement[int]]:
    """Expressions for the present figures, by name."""
    changed = sa.select(untallied.c.item_id)
    now = _worked_out(is_one_of(items.c.id, changed, dialect)).cte("now")
    before = sa.select(tallies).where(is_one_of(tallies.c.item_id, changed, dialect)).cte("before")
    found = {}
    for name in _FIGURES:
        total = sa.func.coalesce(sa.select(totals.c[name]).scalar_subquery(), 0)
        new = sa.cast(sa.func.coalesce(sa.func.sum(additions.c[name]), 0), sa.BigInteger)
        added = sa.select(_added_up(now)[name]).scalar_subquery()
        taken = sa.select(_added_up(before)[name]).scalar_subquery()
        found[name] = total + sa.select(new).scalar_subquery() + added - taken
    return found


class _Statements:
    """Statements in a database's dialect, about the items whose ids are bound as `rows`."""

    def __init__(self, dialect: str) -> None:
        ids = sa.select(JsonRows(dialect).value(tallies.c.item_id))
        figures = (figure.label(name) for name, figure in _added_up(tallies).items())
        self.sums = sa.select(*figures).where(tallies.c.item_id.in_(ids))
        # SQLite reads ON CONFLICT after a SELECT as part of it, unless the SELECT has a WHERE. PostgreSQL's
        # construct also compiles for SQLite, with the same syntax.
        insert = postgresql.insert(tallies).from_select(
            list(tallies.c), _worked_out(items.c.id.in_(ids)).where(sa.true())
        )
        self.put = insert.on_conflict_do_update(
            index_elements=[tallies.c.item_id],
            set_={name: insert.excluded[name] for name in ("archived", "on_hand", "low")},
        )


_statements = {dialect: _Statements(dialect) for dialect in DIALECTS}

_insert = postgresql.insert(totals).values(id=1, **{name: sa.bindparam(name) for name in _FIGURES})
_move = _insert.on_conflict_do_update(
    index_elements=[totals.c.id], set_={name: totals.c[name] + _insert.excluded[name] for name in _FIGURES}
)


def any_left(reader: Connection) -> bool:
    """Whether any item is untallied, or any addition not yet in the totals."""
    return any(reader.scalar(sa.select(sa.exists(sa.select(table.c.id)))) for table in (untallied, additions))


def bring_up_to_date(connection: Connection) -> int:
    """Count some of the untallied items, and add some additions to the totals. Returns how many rows of both
    were taken, 0 while another worker does this.
    """
    if connection.dialect.name == "postgresql" and not connection.scalar(
        sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK))
    ):
        return 0
    added = connection.execute(_added).mappings()
    # Ids are taken before the figures are computed: a change that is not seen then has added another id.
    taken = list(connection.scalars(_taken))
    moves: list[Mapping[Any, int]] = [*added]
    if taken:
        moves.append(_tallied(connection, sorted(set(taken))))
    if moves:
        connection.execute(_move, {name: sum(move[name] for move in moves) for name in _FIGURES})
    return len(taken) + len(added)


def _tallied(connection: Connection, ids: Sequence[int]) -> Mapping[str, int]:
    """Store the present figures of the items, and return their increase."""
    statements = _statements[connection.dialect.name]
    rows = {"rows": [{"item_id": item} for item in ids]}
    before = connection.execute(statements.sums, rows).one()._asdict()
    connection.execute(statements.put, rows)
    after = connection.execute(statements.sums, rows).one()._asdict()
    return {name: after[name] - before[name] for name in _FIGURES}
