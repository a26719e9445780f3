"""Sessions: started by a login, continued by single-use refresh tokens, and ended in every process."""

import hashlib
import secrets
import uuid
from datetime import datetime, timedelta
from functools import partial

from stockroom.accounts import queries, session_queries
from stockroom.accounts.attempts import Attempt, Attempts, accept, count_failure, prune_attempts, see
from stockroom.accounts.model import (
    ROLE_SCOPES,
    USERNAME,
    Account,
    Credentials,
    Principal,
    TokenPair,
    narrow,
    scope_text,
)
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import LIFETIME, Tokens
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.errors import InvalidCredentials, InvalidToken, Overloaded

SESSION_LIFETIME = timedelta(days=30)

# A little longer than an access token lives: for clocks that differ, and for transactions that commit late.
_REVOKED_FOR = timedelta(seconds=LIFETIME + 120)

# PostgreSQL assigns ids before the commit, so a lower id may appear after a higher one was read. Each poll
# reads this many again; a session is missed only if so many others end while its own transaction is open.
_OVERLAP = 10_000

_SCHEME = "Bearer"
_MISFIT = "Name and password do not fit."
_SPENT = "The refresh token is unknown, expired or spent."


def login(
    reader: Connection,
    work: Work,
    *,
    username: str,
    password: str,
    scope: str | None,
    network: str,
    attempts: Attempts,
    passwords: Passwords,
    tokens: Tokens,
) -> TokenPair:
    """Start a session. A `scope` that is not empty narrows what the account's role allows (RFC 6749, 3.3).

    `network` is where the caller is. Raises InvalidCredentials for unknown names, wrong passwords and
    disabled accounts alike, after the same time; TooManyAttempts; Overloaded.
    """
    if not USERNAME.fullmatch(username):
        # No account can have this name, and it may not fit the column: count nothing.
        passwords.verify(password, None)
        raise InvalidCredentials(_MISFIT)
    with attempts.login(username, network) as attempt:
        verified = _authenticate(reader, work, attempt, password, passwords)
        rehashed = passwords.hash(password) if passwords.outdated(verified.password_hash) else None
    account = _confirm(work, verified)
    if rehashed is not None:
        queries.change_password(work.connection, username, old_hash=verified.password_hash, new_hash=rehashed)
    failed_logins = accept(work, attempt, network)
    return _begin(work, account, (scope or "").strip() or None, tokens, failed_logins)


def _authenticate(
    reader: Connection, work: Work, attempt: Attempt, password: str, passwords: Passwords
) -> Credentials:
    found = queries.find(reader, attempt.username)
    fits = passwords.verify(password, None if found is None else found.password_hash)
    if found is None or not fits or found.account.disabled:
        count_failure(work, attempt)
        raise InvalidCredentials(_MISFIT)
    return found


def _confirm(work: Work, verified: Credentials) -> Account:
    """Check again under a lock: the account may have changed while its password was verified."""
    username = verified.account.username
    locked = queries.lock(work.connection, username)
    if locked is None or locked.account.disabled:
        raise InvalidCredentials(_MISFIT)
    if locked.password_hash != verified.password_hash:
        raise Overloaded("The account is being changed at this moment.", retry_after=1)
    return locked.account


def _begin(
    work: Work, account: Account, requested: str | None, tokens: Tokens, failed_logins: int
) -> TokenPair:
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
    return _pair(work, account.username, session, scopes, tokens, failed_logins)


def refresh(
    work: Work, *, refresh_token: str, network: str, tokens: Tokens, revocations: Revocations
) -> TokenPair:
    """Exchange a refresh token for a new pair, with the scopes that the account's role has now.

    A token that is used a second time ends the session: one of its two users has stolen it (RFC 9700,
    4.14.2). Raises InvalidToken.
    """
    token_hash = _digest(refresh_token)
    session = session_queries.lock_by_token(work.connection, token_hash)
    if session is None or session.disabled or session.expires_at <= work.now:
        raise InvalidToken(_SPENT)
    if not session_queries.use_token(work.connection, token_hash, work.now):
        end(work, session.id, revocations)
        raise InvalidToken(_SPENT)
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


def logout(work: Work, principal: Principal, revocations: Revocations) -> None:
    end(work, principal.session, revocations)


def end(work: Work, session: str, revocations: Revocations) -> None:
    """End one session; no error if it has ended already."""
    until = work.now + _REVOKED_FOR
    if session_queries.end(work.connection, session, until=until):
        work.after_commit(partial(revocations.add, session, until))


def end_all(work: Work, username: str, revocations: Revocations, *, kept: str = "") -> None:
    """End all sessions of an account but the `kept` one. The caller has locked the account."""
    until = work.now + _REVOKED_FOR
    for session in session_queries.end_all(work.connection, username, kept=kept, until=until):
        work.after_commit(partial(revocations.add, session, until))


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
