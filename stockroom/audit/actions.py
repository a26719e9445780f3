"""Audit a database that may be in use: every check, of one moment."""

from collections.abc import Iterator
from itertools import islice

import sqlalchemy as sa

from stockroom.audit import (
    account_checks,
    file_checks,
    guard_checks,
    key_checks,
    reservation_checks,
    stock_checks,
    table_checks,
    totals_checks,
    work_checks,
)
from stockroom.audit.checks import Audited, Check
from stockroom.audit.model import MOST_LISTED, Finding
from stockroom.db import migrate
from stockroom.db.database import Database
from stockroom.db.files import FileStore

_CHECKS: tuple[Check, ...] = (
    *table_checks.CHECKS,
    *stock_checks.CHECKS,
    *reservation_checks.CHECKS,
    *totals_checks.CHECKS,
    *key_checks.CHECKS,
    *work_checks.CHECKS,
    *file_checks.CHECKS,
    *account_checks.CHECKS,
)


def checks(dialect: str) -> tuple[Check, ...]:
    """All checks of a kind of database, in the order in which they are made."""
    return (*guard_checks.checks(dialect), *_CHECKS)


def audit(database: Database, files: FileStore, *, listed: int = MOST_LISTED) -> Iterator[Finding]:
    """Make each check and tell what it has found, with at most so many violations `listed`.

    Nobody who writes is held up. Raises SQLAlchemyError where the database cannot be read at all.
    """
    with database.snapshot() as snapshot:
        # The first statement decides of which moment the snapshot is.
        migrate.current(snapshot)
        audited = Audited(snapshot, database.clock(), database, files)
        for check in checks(database.name):
            yield _made(check, audited, listed)


def _made(check: Check, audited: Audited, most: int) -> Finding:
    try:
        with audited.snapshot.savepoint():
            rows = check.rows(audited)
            found = check.violations(audited)
            listed = tuple(islice(found, most))
            more = sum(1 for _ in found)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        return Finding(check.name, check.promise, 0, 0, (), fault=str(error).partition("\n")[0])
    return Finding(check.name, check.promise, rows, len(listed) + more, listed)
