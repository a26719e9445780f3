"""Errors on the wire: which problem a refusal, or a database that is away, is answered with."""

import structlog

from stockroom.accounts.model import scope_text
from stockroom.contract.problems import Problem
from stockroom.db.database import OUTAGES
from stockroom.errors import DomainError, MissingScope
from stockroom.http.security import REALM

log = structlog.get_logger(__name__)


def problem_for(error: Exception) -> Problem | None:
    """The problem that tells a client of `error`; None if it is a fault of ours."""
    if isinstance(error, DomainError):
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else {}
        if isinstance(error, MissingScope):
            scopes = scope_text(error.scopes)
            headers["WWW-Authenticate"] = f'{REALM}, error="insufficient_scope", scope="{scopes}"'
        elif error.code in CHALLENGES:
            headers["WWW-Authenticate"] = CHALLENGES[error.code]
        return Problem(error.code, error.detail, errors=error.errors, headers=headers, members=error.members)
    if isinstance(error, OUTAGES):
        log.warning("database.away", error=str(error))
        return Problem(
            "unavailable",
            "The database does not answer. Try again in a moment.",
            headers={"Retry-After": "1"},
        )
    return None


CHALLENGES = {"invalid-credentials": REALM, "invalid-token": f'{REALM}, error="invalid_token"'}
