"""Accounts and their sessions."""

import sqlalchemy as sa

from stockroom.db.tables.columns import BigKey, Moment, metadata

users = sa.Table(
    "users",
    metadata,
    sa.Column("username", sa.String(40), primary_key=True),
    sa.Column("email", sa.String(254), nullable=False),
    sa.Column("password_hash", sa.String(200), nullable=False),
    sa.Column("role", sa.String(10), nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.CheckConstraint("role IN ('viewer', 'clerk', 'manager', 'admin')", name="role"),
)

login_attempts = sa.Table(
    "login_attempts",
    metadata,
    # No foreign key: attempts at unknown names are counted too, so that nobody learns which names exist.
    sa.Column("username", sa.String(40), primary_key=True),
    # Whose attempts: a network's, a session's, or, where it is empty, those of all strangers together.
    sa.Column("origin", sa.String(80), primary_key=True),
    # When nothing is left of the attempts so far; each one moves it on.
    sa.Column("free_at", Moment, nullable=False),
    # Wrong passwords since the last login.
    sa.Column("failures", sa.Integer, nullable=False),
)

known_networks = sa.Table(
    "known_networks",
    metadata,
    sa.Column("username", sa.ForeignKey("users.username"), primary_key=True),
    sa.Column("network", sa.String(60), primary_key=True),
    # The day of the last login or refresh from there, more or less.
    sa.Column("seen_at", Moment, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("username", sa.ForeignKey("users.username"), nullable=False, index=True),
    # The scopes that a login narrowed itself to, space separated; refreshing must not widen them (RFC 6749,
    # 6). NULL: all.
    sa.Column("scope", sa.String(200)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
)

refresh_tokens = sa.Table(
    "refresh_tokens",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("session_id", sa.ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("used_at", Moment),
)

revocations = sa.Table(
    "revocations",
    metadata,
    # The feed that every process polls: ended sessions, until their last access token has expired.
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("session_id", sa.String(36), nullable=False),
    sa.Column("expires_at", Moment, nullable=False, index=True),
    sqlite_autoincrement=True,
)
