"""Queries of the attempts at a name's password, and of the networks that its account knows."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.db.connections import Connection
from stockroom.db.tables import MILLISECOND, Moment, known_networks, login_attempts, users

_attempts = login_attempts.c
_name = _attempts.username == sa.bindparam("name")
_one = sa.and_(_name, _attempts.origin == sa.bindparam("whose"))
# Milliseconds, as times are stored.
_every = sa.bindparam("every", type_=sa.BigInteger)
_stored = sa.type_coerce(_attempts.free_at, sa.BigInteger)
_now = sa.bindparam("now", type_=Moment)
_latest_free = sa.bindparam("latest", type_=Moment)
# Later than any count can have written it: the clock was set back since.
_is_unearned = _attempts.free_at > sa.bindparam("beyond", type_=Moment)

# PostgreSQL's construct also compiles for SQLite, whose syntax here is the same.
_take = (
    postgresql.insert(login_attempts)
    .values(
        username=sa.bindparam("name"),
        origin=sa.bindparam("whose"),
        free_at=sa.bindparam("first", type_=Moment),
        failures=0,
    )
    .on_conflict_do_update(
        index_elements=[_attempts.username, _attempts.origin],
        set_={
            "free_at": sa.case(
                (_is_unearned, sa.type_coerce(_latest_free, sa.BigInteger)),
                (_attempts.free_at > _now, _stored),
                else_=sa.type_coerce(_now, sa.BigInteger),
            )
            + _every
        },
        where=sa.or_(_attempts.free_at <= _latest_free, _is_unearned),
    )
    .returning(_attempts.username)
)
_free_at = sa.select(_attempts.free_at).where(_one)
_give_back = sa.update(login_attempts).where(_one).values(free_at=_stored - _every)
_count_failure = sa.update(login_attempts).where(_one).values(failures=_attempts.failures + 1)
# In the order in which they are taken, so that two of these cannot deadlock: that of strangers is empty.
_lock = sa.select(_attempts.failures).where(_name).order_by(_attempts.origin).with_for_update()
_forget = sa.update(login_attempts).where(_name, _attempts.failures > 0).values(failures=0)

_networks = known_networks.c
_whose = _networks.username == sa.bindparam("name")
_knows = sa.select(sa.literal(1)).where(
    _whose, _networks.network == sa.bindparam("place"), _networks.seen_at > sa.bindparam("since")
)
_seeing = postgresql.insert(known_networks).values(
    username=sa.bindparam("name"), network=sa.bindparam("place"), seen_at=sa.bindparam("now", type_=Moment)
)
# What was seen within a day is left as it is: sessions are refreshed every few minutes.
_see = _seeing.on_conflict_do_update(
    index_elements=[_networks.username, _networks.network],
    set_={"seen_at": _seeing.excluded.seen_at},
    where=_networks.seen_at <= sa.bindparam("day_ago", type_=Moment),
).returning(_networks.network)
_latest = (
    sa.select(_networks.network)
    .where(_whose)
    .order_by(_networks.seen_at.desc(), _networks.network)
    .limit(sa.bindparam("most"))
)
_forget_others = sa.delete(known_networks).where(_whose, _networks.network.not_in(_latest))

# What is to be told to an owner stays until the next login. What is locked is in use; waiting for it here,
# with others locked, could deadlock.
_key = (_attempts.username, _attempts.origin)
_told = sa.and_(_attempts.failures > 0, _attempts.username.in_(sa.select(users.c.username)))
_over = sa.select(*_key).where(_attempts.free_at <= _now, ~_told).with_for_update(skip_locked=True)
_prune = sa.delete(login_attempts).where(sa.tuple_(*_key).in_(_over))
_place = (_networks.username, _networks.network)
_unseen = (
    sa.select(*_place)
    .where(_networks.seen_at <= sa.bindparam("since", type_=Moment))
    .with_for_update(skip_locked=True)
)
_prune_networks = sa.delete(known_networks).where(sa.tuple_(*_place).in_(_unseen))


def take(
    connection: Connection, username: str, origin: str, *, now: datetime, at_once: int, every: timedelta
) -> timedelta | None:
    """Count one more attempt if there is room for it; else say how long to wait until there is.

    There is room for `at_once` attempts, and for one more each time `every` has passed (the generic cell rate
    algorithm). The database decides, so that attempts at the same time are counted one after the other.

    Where the clock was set back there is room for one attempt, and then as if the rest had just been made. As
    long again as they last, the clocks of two machines may differ.
    """
    latest = now + every * (at_once - 1)
    one = {"name": username, "whose": origin}
    times = {
        "now": now,
        "first": now + every,
        "latest": latest,
        "beyond": now + 2 * every * at_once,
        "every": every // MILLISECOND,
    }
    if connection.execute(_take, one | times).one_or_none() is not None:
        return None
    free_at: datetime = connection.scalar(_free_at, one) or now + every
    return free_at - latest


def give_back(connection: Connection, username: str, origin: str, *, every: timedelta) -> None:
    """Take back the count of an attempt."""
    values = {"name": username, "whose": origin, "every": every // MILLISECOND}
    connection.execute(_give_back, values)


def count_failure(connection: Connection, username: str, origin: str) -> None:
    connection.execute(_count_failure, {"name": username, "whose": origin})


def forget_failures(connection: Connection, username: str) -> int:
    """How many failures there were, of all origins; there are none then."""
    failures: int = sum(connection.scalars(_lock, {"name": username}))
    if failures:
        connection.execute(_forget, {"name": username})
    return failures


def knows(reader: Connection, username: str, network: str, *, since: datetime) -> bool:
    """Whether the account has been seen in the network after `since`."""
    values = {"name": username, "place": network, "since": since}
    return reader.scalar(_knows, values) is not None


def see(connection: Connection, username: str, network: str, *, now: datetime, most: int) -> None:
    """Note that the account is in the network; `most` networks are kept, the latest."""
    values = {"name": username, "place": network, "now": now, "day_ago": now - timedelta(days=1)}
    if connection.execute(_see, values).one_or_none() is not None:
        connection.execute(_forget_others, {"name": username, "most": most})


def prune(connection: Connection, *, now: datetime, since: datetime) -> None:
    """Delete counts that are over at `now`, and networks that were not seen after `since`."""
    connection.execute(_prune, {"now": now})
    connection.execute(_prune_networks, {"since": since})
