"""The caller's own account."""

from typing import Any

from stockroom.actions import accounts
from stockroom.domain.accounts import Account, Principal
from stockroom.security.passwords import Passwords
from stockroom.security.revocations import Revocations
from stockroom.storage.connections import Connection
from stockroom.storage.engines import Work


def read(*, reader: Connection, principal: Principal) -> Account:
    return accounts.read(reader, principal)


def update(body: dict[str, Any], *, work: Work, principal: Principal) -> Account:
    return accounts.change_email(work, principal, body["email"])


def change_password(
    body: dict[str, Any],
    *,
    reader: Connection,
    work: Work,
    principal: Principal,
    passwords: Passwords,
    revocations: Revocations,
) -> None:
    accounts.change_password(
        reader,
        work,
        principal,
        current=body["current_password"],
        new=body["new_password"],
        passwords=passwords,
        revocations=revocations,
    )
