"""Queries of sessions, their refresh tokens, and the feed of revoked sessions."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from stockroom.db.connections import Connection
from stockroom.db.tables import login_attempts, refresh_tokens, revocations, sessions, users
from stockroom.frozen import frozen


@frozen
class Session:
    """A login, with its owner's present role. `scope` is what the login narrowed itself to, if it did.

    `failed_logins` is how many passwords were wrong since the owner's last login.
    """

    id: str
    username: str
    scope: str | None
    expires_at: datetime
    role: str
    disabled: bool
    failed_logins: int


@frozen
class Revocation:
    id: int
    session: str
    expires_at: datetime


_failed_logins = (
    sa.select(sa.func.coalesce(sa.func.sum(login_attempts.c.failures), 0))
    .where(login_attempts.c.username == sessions.c.username)
    .scalar_subquery()
)
_insert = sa.insert(sessions)
_insert_token = sa.insert(refresh_tokens)
# Lock the session before its tokens, as `end` does: the other order could deadlock.
_lock_by_token = (
    sa.select(
        sessions.c.id,
        sessions.c.username,
        sessions.c.scope,
        sessions.c.expires_at,
        users.c.role,
        users.c.disabled,
        _failed_logins.label("failed_logins"),
    )
    .select_from(refresh_tokens.join(sessions).join(users))
    .where(refresh_tokens.c.token_hash == sa.bindparam("hash"))
    .with_for_update(of=sessions, key_share=True)
)
_use_token = (
    sa.update(refresh_tokens)
    .where(refresh_tokens.c.token_hash == sa.bindparam("hash"), refresh_tokens.c.used_at.is_(None))
    .values(used_at=sa.bindparam("now"))
    .returning(refresh_tokens.c.token_hash)
)
_delete = sa.delete(sessions).where(sessions.c.id == sa.bindparam("session")).returning(sessions.c.id)
_delete_of_user = (
    sa.delete(sessions)
    .where(sessions.c.username == sa.bindparam("name"), sessions.c.id != sa.bindparam("kept"))
    .returning(sessions.c.id)
)
_revoke = sa.insert(revocations)
_revoked = (
    sa.select(revocations.c.id, revocations.c.session_id, revocations.c.expires_at)
    .where(revocations.c.id > sa.bindparam("after"), revocations.c.expires_at > sa.bindparam("now"))
    .order_by(revocations.c.id)
)
_expired = (
    sa.select(sessions.c.id)
    .where(sessions.c.expires_at <= sa.bindparam("now"))
    # A locked session is about to end; waiting for it here, with others locked, could deadlock.
    .with_for_update(skip_locked=True)
)
_prune = sa.delete(sessions).where(sessions.c.id.in_(_expired))
_prune_revocations = sa.delete(revocations).where(revocations.c.expires_at <= sa.bindparam("now"))


def insert(
    connection: Connection,
    session: str,
    *,
    username: str,
    scope: str | None,
    created_at: datetime,
    expires_at: datetime,
) -> None:
    values = {
        "id": session,
        "username": username,
        "scope": scope,
        "created_at": created_at,
        "expires_at": expires_at,
    }
    connection.execute(_insert, values)


def insert_token(connection: Connection, session: str, token_hash: str) -> None:
    connection.execute(_insert_token, {"token_hash": token_hash, "session_id": session, "used_at": None})


def lock_by_token(connection: Connection, token_hash: str) -> Session | None:
    """Lock the session of a refresh token, used or not; refreshing and ending it wait for each other."""
    row = connection.execute(_lock_by_token, {"hash": token_hash}).one_or_none()
    return None if row is None else Session(*row)


def use_token(connection: Connection, token_hash: str, now: datetime) -> bool:
    """Mark the token as used. True if it was unused: of two at once, one gets True."""
    return connection.execute(_use_token, {"hash": token_hash, "now": now}).one_or_none() is not None


def end(connection: Connection, session: str, *, until: datetime) -> bool:
    """Delete a session and publish until when every process must refuse it. False if it had ended."""
    ended = connection.scalars(_delete, {"session": session})
    _tell(connection, ended, until)
    return bool(ended)


def end_all(connection: Connection, username: str, *, kept: str, until: datetime) -> Sequence[str]:
    """End all sessions of a user but `kept`, and return their ids."""
    ended = connection.scalars(_delete_of_user, {"name": username, "kept": kept})
    _tell(connection, ended, until)
    return ended


def _tell(connection: Connection, ended: Sequence[str], until: datetime) -> None:
    if ended:
        connection.execute(_revoke, [{"session_id": session, "expires_at": until} for session in ended])


def revoked(reader: Connection, *, after: int, now: datetime) -> Sequence[Revocation]:
    """Revocations with an id above `after` that have not expired, in the order of their ids."""
    return [Revocation(*row) for row in reader.execute(_revoked, {"after": after, "now": now})]


def prune(connection: Connection, now: datetime) -> None:
    """Delete expired sessions and revocations."""
    connection.execute(_prune, {"now": now})
    connection.execute(_prune_revocations, {"now": now})
