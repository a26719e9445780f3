"""Checks of sessions: who has one, what continues it, and what ended it."""

from stockroom.audit.checks import SqlCheck

_DISABLED = SqlCheck(
    "disabled-have-no-sessions",
    "An account that is disabled has no session.",
    "users WHERE disabled",
    "SELECT users.username, sessions.id FROM users JOIN sessions ON sessions.username = users.username "
    "WHERE disabled",
    "{username} is disabled and has the session {id}",
)
_TERMS = SqlCheck(
    "sessions-have-terms",
    "A session expires after it has begun.",
    "sessions",
    "SELECT id, username FROM sessions WHERE expires_at <= created_at",
    "the session {id} of {username} expired before it began",
)
_TOKENS = SqlCheck(
    "sessions-have-one-token",
    "A session has one refresh token that was not used yet.",
    "sessions",
    """
    SELECT id, username, count(token_hash) AS unused
    FROM sessions LEFT JOIN refresh_tokens ON session_id = id AND used_at IS NULL
    GROUP BY id, username HAVING count(token_hash) <> 1
    """,
    "the session {id} of {username} has {unused} refresh tokens that were not used",
)
_REVOKED = SqlCheck(
    "revoked-sessions-are-gone",
    "A session that was revoked is not there any more.",
    "revocations",
    """
    SELECT DISTINCT sessions.id, username FROM revocations JOIN sessions ON sessions.id = session_id
    """,
    "the session {id} of {username} was revoked and is there",
)
_ATTEMPTS = SqlCheck(
    "attempts-are-counted",
    "No count of attempts at a password has fewer wrong ones than none.",
    "login_attempts",
    "SELECT username, failures FROM login_attempts WHERE failures < 0",
    "{username} has {failures} wrong passwords",
)

CHECKS = (_DISABLED, _TERMS, _TOKENS, _REVOKED, _ATTEMPTS)
