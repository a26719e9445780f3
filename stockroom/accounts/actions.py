"""Use cases of accounts: create, read and change them, by their owners and by administrators."""

from dataclasses import replace
from functools import partial

from stockroom.accounts import queries
from stockroom.accounts.attempts import Attempts, count_failure, see, withdraw
from stockroom.accounts.model import LONGEST_EMAIL, USERNAME, Account, Principal, Role
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.revocations import Revocations
from stockroom.accounts.sessions import end_all
from stockroom.db.connections import Connection
from stockroom.db.pages import Page, PageRequest
from stockroom.db.unit_of_work import Work
from stockroom.errors import (
    InvalidRequest,
    InvalidToken,
    LastAdmin,
    NotFound,
    RegistrationClosed,
    UsernameTaken,
    WrongPassword,
)
from stockroom.security_log import Event, SecurityLog


def register(
    work: Work,
    *,
    username: str,
    email: str,
    password: str,
    network: str,
    passwords: Passwords,
    is_open: bool,
    default_role: Role,
    first_is_admin: bool,
    log: SecurityLog,
) -> Account:
    """Create an account with the default role. With `first_is_admin` the first account becomes an admin.

    Use that for the embedded database only: its single writer keeps others out between the check and the
    insert. Raises RegistrationClosed, WeakPassword, UsernameTaken, Overloaded.
    """
    if not is_open:
        log.note("registration.refused", None, reason="closed")
        raise RegistrationClosed("Accounts are made by an administrator here.")
    password_hash = _new_hash(passwords, password, username=username, email=email)
    is_first = first_is_admin and not queries.any_exists(work.connection)
    try:
        account = _insert(work, username, email, "admin" if is_first else default_role, password_hash)
    except UsernameTaken:
        log.note("registration.refused", username, reason="taken")
        raise
    see(work, username, network)
    work.after_commit(partial(log.note, "account.registered", username, role=account.role))
    return account


def create_admin(work: Work, *, username: str, email: str, password: str, passwords: Passwords) -> Account:
    """Create an admin from the command line, where the contract has not validated the values.

    Raises InvalidRequest, WeakPassword, UsernameTaken, Overloaded.
    """
    if not USERNAME.fullmatch(username):
        raise InvalidRequest("A user name has 3 to 40 of a-z, 0-9, _, . and -, and begins with a letter.")
    if len(email) > LONGEST_EMAIL or not all(email.partition("@")):
        raise InvalidRequest("This is not an e-mail address.")
    password_hash = _new_hash(passwords, password, username=username, email=email)
    return _insert(work, username, email, "admin", password_hash)


def _new_hash(passwords: Passwords, password: str, *, username: str, email: str) -> str:
    passwords.refuse_weak(password, username=username, email=email)
    return passwords.hash(password)


def _insert(work: Work, username: str, email: str, role: Role, password_hash: str) -> Account:
    account = Account(username, email, role, disabled=False, created_at=work.now)
    if not queries.insert(work.connection, account, password_hash):
        raise UsernameTaken("This name is taken.")
    return account


def read(reader: Connection, principal: Principal) -> Account:
    found = queries.find(reader, principal.subject)
    if found is None:
        raise _gone()
    return found.account


def list_accounts(reader: Connection, request: PageRequest) -> Page[Account]:
    return queries.page(reader, request)


def change_email(work: Work, principal: Principal, email: str, *, log: SecurityLog) -> Account:
    account = queries.change_email(work.connection, principal.subject, email)
    if account is None:
        raise _gone()
    work.after_commit(partial(log.note, "account.email_changed", account.username))
    return account


def change_password(
    work: Work,
    principal: Principal,
    *,
    current: str,
    new: str,
    attempts: Attempts,
    passwords: Passwords,
    revocations: Revocations,
    log: SecurityLog,
) -> None:
    """Change the caller's password and end all other sessions of the account.

    Each session has its own few attempts at the current password, whatever strangers do: a stolen session
    must not help to guess it. Raises InvalidToken, WrongPassword, WeakPassword, TooManyAttempts, Overloaded.
    """
    name = principal.subject
    with attempts.change(principal, log) as (attempt, own):
        if own is None:
            raise _gone()
        if not passwords.verify(current, own.password_hash):
            count_failure(work, attempt)
            log.note("password.failed", name, session=principal.session)
            raise _wrong()
        new_hash = _new_hash(passwords, new, username=name, email=own.account.email)
    # Of two concurrent changes the second fails: the hash that it verified has been replaced.
    if not queries.change_password(work.connection, name, old_hash=own.password_hash, new_hash=new_hash):
        raise _wrong()
    withdraw(work, attempt)
    ended = end_all(work, name, revocations, kept=principal.session)
    work.after_commit(partial(log.note, "password.changed", name, session=principal.session, ended=ended))


def update(
    work: Work,
    username: str,
    *,
    role: Role | None,
    disabled: bool | None,
    by: str,
    revocations: Revocations,
    log: SecurityLog,
) -> Account:
    """Change an account's role, or disable or enable it; None leaves a value as it is. `by` is who does it.

    A change of role and disabling end all sessions of the account. Raises NotFound; LastAdmin when no enabled
    admin would remain.
    """
    # Lock all admins: when two demote each other, the second sees the first one's change.
    locked = queries.lock_with_admins(work.connection, username)
    account = next((account for account in locked if account.username == username), None)
    if account is None:
        raise NotFound("There is no such account.")
    changed = replace(
        account,
        role=account.role if role is None else role,
        disabled=account.disabled if disabled is None else disabled,
    )
    others = any(other.is_acting_admin for other in locked if other is not account)
    if account.is_acting_admin and not changed.is_acting_admin and not others:
        raise LastAdmin("This is the last enabled admin.")
    if changed != account:
        queries.change(work.connection, username, role=changed.role, disabled=changed.disabled)
        ended = end_all(work, username, revocations)
        work.after_commit(partial(_note_change, log, account, changed, by=by, ended=ended))
    return changed


def _note_change(log: SecurityLog, was: Account, now: Account, *, by: str, ended: int) -> None:
    if now.role != was.role:
        log.note("account.role_changed", now.username, by=by, was=was.role, role=now.role, ended=ended)
    if now.disabled != was.disabled:
        event: Event = "account.disabled" if now.disabled else "account.enabled"
        log.note(event, now.username, by=by, ended=ended)


def _gone() -> InvalidToken:
    return InvalidToken("The account of this token does not exist.")


def _wrong() -> WrongPassword:
    return WrongPassword("The current password is not right.")
