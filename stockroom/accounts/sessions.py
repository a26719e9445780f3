"""Sessions: begun by a login, continued by single-use refresh tokens, and ended in every process."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from functools import partial

from stockroom.accounts import session_queries
from stockroom.accounts.attempts import prune_attempts, see
from stockroom.accounts.model import (
    ROLE_SCOPES,
    Account,
    Principal,
    TokenPair,
    narrow,
    scope_text,
)
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import LIFETIME, Tokens
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.errors import InvalidToken
from stockroom.security_log import Event, SecurityLog

SESSION_LIFETIME = timedelta(days=30)

# A little longer than an access token lives: for clocks that differ, and for transactions that commit late.
_REVOKED_FOR = timedelta(seconds=LIFETIME + 120)

# PostgreSQL assigns ids before the commit, so a lower id may appear after a higher one was read. Each poll
# reads this many again; a session is missed only if so many others end while its own transaction is open.
_OVERLAP = 10_000

_SCHEME = "Bearer"
_MISFIT = "Name and password do not fit."
_SPENT = "The refresh token is unknown, expired or spent."


def begin(
    work: Work,
    account: Account,
    requested: str | None,
    *,
    is_strange: bool,
    failed_logins: int,
    tokens: Tokens,
    log: SecurityLog,
) -> TokenPair:
    """Start a session with those of the role's scopes that are `requested`, or all.

    `is_strange` says that the account was not known where it logs in; `failed_logins` is told to its owner.
    """
    session = str(uuid.uuid4())
    scopes = narrow(ROLE_SCOPES[account.role], requested)
    session_queries.insert(
        work.connection,
        session,
        username=account.username,
        scope=None if requested is None else scope_text(scopes),
        created_at=work.now,
        expires_at=work.now + SESSION_LIFETIME,
    )
    place = "new" if is_strange else "known"
    _note_once_done(work, log, "login.succeeded", account.username, session=session, network=place)
    return _pair(work, account.username, session, scopes, tokens, failed_logins)


def refresh(
    work: Work,
    *,
    refresh_token: str,
    network: str,
    tokens: Tokens,
    revocations: Revocations,
    log: SecurityLog,
) -> TokenPair:
    """Exchange a refresh token for a new pair, with the scopes that the account's role has now.

    A token that is used a second time ends the session: one of its two users has stolen it (RFC 9700,
    4.14.2). Raises InvalidToken.
    """
    token_hash = _digest(refresh_token)
    session = session_queries.lock_by_token(work.connection, token_hash)
    if session is None:
        log.note("session.refused", None, reason="unknown")
        raise InvalidToken(_SPENT)
    if session.disabled or session.expires_at <= work.now:
        reason = "disabled" if session.disabled else "expired"
        log.note("session.refused", session.username, session=session.id, reason=reason)
        raise InvalidToken(_SPENT)
    if not session_queries.use_token(work.connection, token_hash, work.now):
        end(work, session.id, revocations)
        log.note("session.reused", session.username, session=session.id)
        raise InvalidToken(_SPENT)
    _note_once_done(work, log, "session.renewed", session.username, session=session.id)
    see(work, session.username, network)
    scopes = narrow(ROLE_SCOPES[session.role], session.scope)
    return _pair(work, session.username, session.id, scopes, tokens, session.failed_logins)


def _pair(
    work: Work, username: str, session: str, scopes: frozenset[str], tokens: Tokens, failed_logins: int
) -> TokenPair:
    refresh_token = secrets.token_urlsafe(32)
    session_queries.insert_token(work.connection, session, _digest(refresh_token))
    return TokenPair(
        access_token=tokens.issue(username, session, scopes, work.now),
        token_type=_SCHEME,
        expires_in=LIFETIME,
        refresh_token=refresh_token,
        scope=scope_text(scopes),
        failed_logins=failed_logins,
    )


def _digest(refresh_token: str) -> str:
    # 256 random bits need no salt and no slow hash. Lone surrogates match no token and must not raise.
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()


def _note_once_done(work: Work, log: SecurityLog, event: Event, user: str, **details: str) -> None:
    work.after_commit(partial(log.note, event, user, **details))


def logout(work: Work, principal: Principal, revocations: Revocations, log: SecurityLog) -> None:
    end(work, principal.session, revocations)
    _note_once_done(work, log, "session.ended", principal.subject, session=principal.session)


def end(work: Work, session: str, revocations: Revocations) -> None:
    """End one session; no error if it has ended already."""
    until = work.now + _REVOKED_FOR
    if session_queries.end(work.connection, session, until=until):
        work.after_commit(partial(revocations.add, session, until))


def end_all(work: Work, username: str, revocations: Revocations, *, kept: str = "") -> int:
    """End all sessions of an account, which the caller has locked, but the `kept` one; returns how many."""
    until = work.now + _REVOKED_FOR
    ended = session_queries.end_all(work.connection, username, kept=kept, until=until)
    for session in ended:
        work.after_commit(partial(revocations.add, session, until))
    return len(ended)


def poll(reader: Connection, revocations: Revocations, after_id: int, now: datetime) -> int:
    """Read which sessions other processes have ended. `after` is the last id read, 0 at first; returns the
    next one.
    """
    seen = session_queries.revoked(reader, after=after_id - _OVERLAP, now=now)
    for revocation in seen:
        revocations.add(revocation.session, revocation.expires_at)
    revocations.prune(now)
    return max(after_id, seen[-1].id) if seen else after_id


def prune(work: Work) -> None:
    """Delete expired sessions, revocations of expired tokens, and what need not be known of attempts."""
    session_queries.prune(work.connection, work.now)
    prune_attempts(work)
