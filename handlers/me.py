"""The caller's own account."""

from typing import Any

from stockroom.accounts import actions as accounts
from stockroom.accounts.attempts import Attempts
from stockroom.accounts.model import Account, Principal
from stockroom.accounts.passwords import Passwords
from stockroom.accounts.revocations import Revocations
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.security_log import SecurityLog


def read(*, reader: Connection, principal: Principal) -> Account:
    return accounts.read(reader, principal)


def update(body: dict[str, Any], *, work: Work, principal: Principal, log: SecurityLog) -> Account:
    return accounts.change_email(work, principal, body["email"], log=log)


def change_password(
    body: dict[str, Any],
    *,
    work: Work,
    principal: Principal,
    attempts: Attempts,
    passwords: Passwords,
    revocations: Revocations,
    log: SecurityLog,
) -> None:
    accounts.change_password(
        work,
        principal,
        current=body["current_password"],
        new=body["new_password"],
        attempts=attempts,
        passwords=passwords,
        revocations=revocations,
        log=log,
    )
