"""All accounts, for administrators."""

from typing import Any

from handlers import _paging as paging
from stockroom.accounts import actions as accounts
from stockroom.accounts.model import Account, Principal
from stockroom.accounts.revocations import Revocations
from stockroom.db.connections import Connection
from stockroom.db.unit_of_work import Work
from stockroom.security_log import SecurityLog


def list_users(
    page: int | None, per_page: int, cursor: str | None, count: str | None, *, reader: Connection
) -> tuple[dict[str, object], dict[str, str]]:
    found = accounts.list_accounts(reader, paging.asked(page, per_page, cursor, count))
    return paging.answer("users", found, "/users", {"count": count})


def update(
    username: str,
    body: dict[str, Any],
    *,
    work: Work,
    principal: Principal,
    revocations: Revocations,
    log: SecurityLog,
) -> Account:
    return accounts.update(
        work,
        username,
        role=body.get("role"),
        disabled=body.get("disabled"),
        by=principal.subject,
        revocations=revocations,
        log=log,
    )
