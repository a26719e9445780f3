"""Logins: a name and a password become a session."""

from stockroom.accounts import queries, sessions
from stockroom.accounts.attempts import Attempt, Attempts, accept, count_failure
from stockroom.accounts.model import USERNAME, Account, Credentials, TokenPair
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.tokens import Tokens
from stockroom.db.unit_of_work import Work
from stockroom.errors import InvalidCredentials, Overloaded
from stockroom.security_log import SecurityLog

_MISFIT = "Name and password do not fit."


def login(
    work: Work,
    *,
    username: str,
    password: str,
    scope: str | None,
    network: str,
    attempts: Attempts,
    passwords: Passwords,
    tokens: Tokens,
    log: SecurityLog,
) -> TokenPair:
    """Start a session. A `scope` that is not empty narrows what the account's role allows (RFC 6749, 3.3).

    `network` is where the caller is. The `work` is begun once the password was checked.

    Raises InvalidCredentials for unknown names, wrong passwords and disabled accounts alike, after the same
    time; TooManyAttempts; Overloaded.
    """
    if not USERNAME.fullmatch(username):
        # No account can have this name, and it may not fit the column: count nothing.
        passwords.verify(password, None)
        log.note("login.failed", None, reason="unknown")
        raise InvalidCredentials(_MISFIT)
    with attempts.login(username, network, log) as (attempt, found):
        verified = _authenticate(work, attempt, found, password, passwords, log)
        rehashed = passwords.hash(password) if passwords.outdated(verified.password_hash) else None
    account = _confirm(work, verified, log)
    if rehashed is not None:
        queries.change_password(work.connection, username, old_hash=verified.password_hash, new_hash=rehashed)
    return sessions.begin(
        work,
        account,
        # An empty one is as if it were not there (RFC 6749, 3.2); blanks ask for nothing.
        scope or None,
        is_strange=attempt.is_strange,
        failed_logins=accept(work, attempt, network),
        tokens=tokens,
        log=log,
    )


def _authenticate(
    work: Work,
    attempt: Attempt,
    found: Credentials | None,
    password: str,
    passwords: Passwords,
    log: SecurityLog,
) -> Credentials:
    fits = passwords.verify(password, None if found is None else found.password_hash)
    if found is not None and fits and not found.account.disabled:
        return found
    count_failure(work, attempt)
    if found is None:
        log.note("login.failed", None, reason="unknown")
    else:
        log.note("login.failed", attempt.username, reason="disabled" if fits else "password")
    raise InvalidCredentials(_MISFIT)


def _confirm(work: Work, verified: Credentials, log: SecurityLog) -> Account:
    """Check again under a lock: the account may have changed while its password was verified."""
    username = verified.account.username
    locked = queries.lock(work.connection, username)
    if locked is None or locked.account.disabled:
        log.note("login.failed", username, reason="disabled")
        raise InvalidCredentials(_MISFIT)
    if locked.password_hash != verified.password_hash:
        raise Overloaded("The account is being changed at this moment.", retry_after=1)
    return locked.account
