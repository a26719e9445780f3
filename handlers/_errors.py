"""Errors on the wire: which problem a refusal, or a database that is away, is answered with."""

from collections.abc import Container
from http import HTTPStatus

import structlog

from stockroom.accounts.model import scope_text
from stockroom.contract.problems import Problem, unavailable
from stockroom.db.damage import Damaged
from stockroom.db.database import OUTAGES
from stockroom.db.disk_full import is_disk_full
from stockroom.db.read_only import is_read_only
from stockroom.errors import DomainError, MissingScope, StorageFull
from stockroom.http.security import REALM

log = structlog.get_logger(__name__)


def problem_for(error: Exception, statuses: Container[int] = ()) -> Problem | None:
    """The problem that tells a client of `error`, to whom the operation may answer with these `statuses`;
    None if it is a fault of ours.
    """
    if isinstance(error, DomainError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
        if isinstance(error, MissingScope):
            scopes = scope_text(error.scopes)
            headers["WWW-Authenticate"] = f'{REALM}, error="insufficient_scope", scope="{scopes}"'
        elif error.code in CHALLENGES:
            headers["WWW-Authenticate"] = CHALLENGES[error.code]
        return Problem(error.code, error.detail, errors=error.errors, headers=headers, members=error.members)
    if is_disk_full(error):
        return _storage_full(error, statuses)
    if is_read_only(error):
        # Whoever is told of it in the log has to end it, which takes longer than an outage.
        return unavailable("Data can only be read now, not written.", seconds=10)
    if isinstance(error, Damaged):
        log.error("database.damaged", error=str(error.orig))
        return unavailable("The database is damaged.", seconds=60)
    if isinstance(error, OUTAGES):
        log.warning("database.away", error=str(error))
        return unavailable("The database does not answer. Try again in a moment.")
    return None


def _storage_full(error: Exception, statuses: Container[int]) -> Problem:
    log.error("storage.full", error=str(error))
    if HTTPStatus.INSUFFICIENT_STORAGE in statuses:
        return Problem(StorageFull.code, "The disk is full. Nothing was changed.")
    # Even a read may need room, for what it sorts.
    return unavailable("There is no room to work in.", seconds=60)


CHALLENGES = {"invalid-credentials": REALM, "invalid-token": f'{REALM}, error="invalid_token"'}
