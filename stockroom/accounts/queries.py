"""Queries of accounts."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from stockroom.accounts.model import Account, Credentials, Role
from stockroom.db.connections import Connection
from stockroom.db.pages import Listing, Page, PageRequest, SortKey, paginate
from stockroom.db.statements import Row
from stockroom.db.tables import users

_account = (users.c.username, users.c.email, users.c.role, users.c.disabled, users.c.created_at)
_username = users.c.username == sa.bindparam("name")

_any = sa.select(sa.exists(sa.select(sa.literal(1)).select_from(users)))
_find = sa.select(*_account, users.c.password_hash).where(_username)
# FOR NO KEY UPDATE admits rows inserted for a user, which lock it FOR KEY SHARE. SQLite has one writer.
_lock = _find.with_for_update(key_share=True)
# In the order of the key, so that two of these cannot deadlock.
_lock_admins = (
    sa.select(*_account)
    .where(sa.or_(_username, sa.and_(users.c.role == "admin", users.c.disabled.is_(False))))
    .order_by(users.c.username)
    .with_for_update(key_share=True)
)
_listing = Listing(sa.select(*_account), [SortKey(users.c.username)])
# PostgreSQL's construct also compiles for SQLite, whose syntax here is the same.
_insert = postgresql.insert(users).on_conflict_do_nothing().returning(users.c.username)
_change = (
    sa.update(users)
    .where(_username)
    .values(role=sa.bindparam("new_role"), disabled=sa.bindparam("new_disabled"))
)
_change_email = sa.update(users).where(_username).values(email=sa.bindparam("new_email")).returning(*_account)
_change_password = (
    sa.update(users)
    .where(_username, users.c.password_hash == sa.bindparam("old_hash"))
    .values(password_hash=sa.bindparam("new_hash"))
    .returning(users.c.username)
)


def any_exists(connection: Connection) -> bool:
    return bool(connection.scalar(_any))


def find(connection: Connection, username: str) -> Credentials | None:
    row = connection.execute(_find, {"name": username}).one_or_none()
    return None if row is None else _credentials(row)


def lock(connection: Connection, username: str) -> Credentials | None:
    """Find an account and lock it against changes until the transaction ends."""
    row = connection.execute(_lock, {"name": username}).one_or_none()
    return None if row is None else _credentials(row)


def lock_with_admins(connection: Connection, username: str) -> Sequence[Account]:
    """Lock the account of that name, if any, and all enabled admins until the transaction ends."""
    return [_read(row) for row in connection.execute(_lock_admins, {"name": username})]


def page(reader: Connection, request: PageRequest) -> Page[Account]:
    return paginate(reader, _listing, request=request, read=_read)


def insert(connection: Connection, account: Account, password_hash: str) -> bool:
    """Insert an account; False if its name is taken. The database decides, so that of two one succeeds."""
    values = {
        "username": account.username,
        "email": account.email,
        "password_hash": password_hash,
        "role": account.role,
        "disabled": account.disabled,
        "created_at": account.created_at,
    }
    return connection.execute(_insert, values).one_or_none() is not None


def change(connection: Connection, username: str, *, role: Role, disabled: bool) -> None:
    connection.execute(_change, {"name": username, "new_role": role, "new_disabled": disabled})


def change_email(connection: Connection, username: str, email: str) -> Account | None:
    row = connection.execute(_change_email, {"name": username, "new_email": email}).one_or_none()
    return None if row is None else _read(row)


def change_password(connection: Connection, username: str, *, old_hash: str, new_hash: str) -> bool:
    """Change the password hash; False if it is no longer `old_hash`."""
    values = {"name": username, "old_hash": old_hash, "new_hash": new_hash}
    return connection.execute(_change_password, values).one_or_none() is not None


def _credentials(row: Row) -> Credentials:
    return Credentials(_read(row), row.password_hash)


def _read(row: Row) -> Account:
    return Account(row.username, row.email, row.role, row.disabled, row.created_at)
