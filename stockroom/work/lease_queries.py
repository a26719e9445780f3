"""Tasks as workers see them: claimed by lease, written with a fencing token, resumed if a worker is gone."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.tables import tasks
from stockroom.work.model import Backlog, Lease, LeaseLost, Standing

REPUBLISH_AFTER = timedelta(seconds=5)
"""A task that nobody claims is published again after this time, then less and less often, up to the next."""
REPUBLISH_AT_LEAST = timedelta(minutes=10)


_others = tasks.alias("others")
_now = sa.bindparam("now", type_=tasks.c.lease_until.type)
_at_work = (
    sa.select(sa.func.count())
    .where(_others.c.owner == tasks.c.owner, _others.c.state == "running", _others.c.lease_until > _now)
    .scalar_subquery()
)
_served = (
    sa.select(sa.func.max(_others.c.claimed_at)).where(_others.c.owner == tasks.c.owner).scalar_subquery()
)
_waits = sa.or_(tasks.c.state == "queued", sa.and_(tasks.c.state == "running", tasks.c.lease_until <= _now))
_next_in_turn = (
    sa.select(tasks.c.id)
    .where(
        _waits,
        tasks.c.owner.not_in(sa.bindparam("besides", expanding=True)),
    )
    .order_by(_at_work, _served.nulls_first(), tasks.c.created_at, tasks.c.id)
    .limit(1)
)
_this = tasks.c.id == sa.bindparam("task")
_claim = (
    tasks.update()
    .where(_this, _waits)
    .values(
        state="running",
        fence=tasks.c.fence + 1,
        claims=tasks.c.claims + 1,
        lease_until=sa.bindparam("until", type_=tasks.c.lease_until.type),
        claimed_at=_now,
        started_at=sa.func.coalesce(tasks.c.started_at, _now),
    )
    .returning(tasks)
)
# It writes what it is given.
_write = tasks.update().where(_this, tasks.c.fence == sa.bindparam("held"), tasks.c.state == "running")


def next_in_turn(reader: Connection, besides: Collection[str], now: datetime) -> str | None:
    """The waiting task whose turn it is, if any waits whose owner is not one of `besides`."""
    found: str | None = reader.scalar(_next_in_turn, {"besides": sorted(besides), "now": now})
    return found


def claim(connection: Connection, id: str, *, seconds: float, now: datetime) -> Lease | None:
    """Claim the task unless it is finished or leased."""
    until = now + timedelta(seconds=seconds)
    row = connection.execute(_claim, {"task": id, "now": now, "until": until}).one_or_none()
    if row is None:
        return None
    return Lease(
        task_id=row.id,
        owner=row.owner,
        fence=row.fence,
        claims=row.claims,
        seconds=seconds,
        kind=row.kind,
        parameters=row.parameters,
        done=row.done,
        total=row.total,
        errors=row.errors,
        summary=row.summary,
    )


def write(connection: Connection, lease: Lease, values: Mapping[str, Any]) -> None:
    """Write to the task under the lease. Raises LeaseLost if the task no longer belongs to its holder."""
    if connection.execute(_write, {"task": lease.task_id, "held": lease.fence, **values}).rowcount != 1:
        raise LeaseLost(lease.task_id)


def standing(reader: Connection, now: datetime) -> list[Standing]:
    """All leases that have not expired."""
    query = sa.select(tasks.c.id, tasks.c.fence, tasks.c.lease_until)
    rows = reader.execute(query.where(tasks.c.state == "running", tasks.c.lease_until > now))
    return [Standing(row.id, row.fence, row.lease_until) for row in rows]


def expire(connection: Connection, lease: Standing, now: datetime) -> bool:
    """Have the lease expire now; False if it was renewed, or the task was claimed or has ended."""
    statement = (
        tasks.update()
        .where(
            tasks.c.id == lease.task_id,
            tasks.c.state == "running",
            tasks.c.fence == lease.fence,
            tasks.c.lease_until == lease.until,
        )
        .values(lease_until=now)
    )
    return connection.execute(statement).rowcount == 1


def any_unattended(reader: Connection, now: datetime) -> bool:
    """Whether any task waits for a worker without a recent message."""
    return reader.scalar(sa.select(tasks.c.id).where(_unattended(now)).limit(1)) is not None


def take_unattended(connection: Connection, now: datetime) -> list[str]:
    """Mark all tasks that need a new message, and return them; of concurrent callers one gets each task."""
    statement = tasks.update().where(_unattended(now)).values(published_at=now).returning(tasks.c.id)
    return list(connection.scalars(statement))


_since = sa.case((tasks.c.state == "queued", tasks.c.created_at), else_=tasks.c.lease_until)
_backlog = (
    sa.select(
        tasks.c.kind,
        sa.func.count(sa.case((_waits, 1))).label("waiting"),
        sa.func.count(sa.case((sa.not_(_waits), 1))).label("at_work"),
        sa.func.min(sa.case((_waits, _since))).label("since"),
    )
    .where(tasks.c.state.in_(("queued", "running")))
    .group_by(tasks.c.kind)
)


def backlog(reader: Connection, now: datetime) -> dict[str, Backlog]:
    """What there is to do, by kind of task, of the kinds of which there is any."""
    rows = reader.execute(_backlog, {"now": now})
    return {row.kind: Backlog(row.waiting, row.at_work, row.since) for row in rows}


def _abandoned(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(tasks.c.state == "running", tasks.c.lease_until <= now)


def _unattended(now: datetime) -> sa.ColumnElement[bool]:
    moment = round(now.timestamp() * 1000)
    published = sa.type_coerce(tasks.c.published_at, sa.BigInteger)
    # Since when it waits: a task whose worker is gone is called for as a new one is, however old it may be.
    free = sa.type_coerce(sa.func.coalesce(tasks.c.lease_until, tasks.c.created_at), sa.BigInteger)
    silent = sa.or_(
        tasks.c.published_at.is_(None),
        tasks.c.published_at <= now - REPUBLISH_AT_LEAST,
        # The clock was set back since.
        tasks.c.published_at > now,
        sa.and_(
            tasks.c.published_at <= now - REPUBLISH_AFTER,
            # Each interval is as long as all before it, so that messages do not pile up before a busy worker.
            moment - published >= published - free,
        ),
    )
    return sa.and_(sa.or_(tasks.c.state == "queued", _abandoned(now)), silent)
