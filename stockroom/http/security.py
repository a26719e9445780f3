"""Who calls, and what for: a bearer token becomes a principal, whose scopes must cover the operation's."""

from collections.abc import Callable, Mapping
from typing import Any

from connexion.lifecycle import ConnexionRequest
from connexion.security import AbstractSecurityHandler

from stockroom.contract.operations import Operation
from stockroom.contract.problems import Problem
from stockroom.http.context import Identity, context_of

REALM = 'Bearer realm="stockroom"'

# From the text of a token to whom it stands for, or None if it is not valid (any more). Pure CPU, and short:
# it runs on the event loop.
Authenticate = Callable[[str], Identity | None]


class Refusal(Problem):
    """A problem with the attribute that Connexion chooses the answer by when schemes are alternatives."""

    status_code = 401

    def __init__(self, code: str, detail: str, challenge: str) -> None:
        super().__init__(code, detail, headers={"WWW-Authenticate": challenge})


class BearerTokens(AbstractSecurityHandler):  # type: ignore[misc]  # Connexion is not typed
    """Handles `oauth2` schemes: finds out who calls. What the caller may do, `require_scopes` says."""

    def __init__(self, authenticate: Authenticate) -> None:
        self._authenticate = authenticate

    def get_fn(
        self, security_scheme: Mapping[str, Any], required_scopes: list[str]
    ) -> Callable[[ConnexionRequest], dict[str, Any]]:
        return self._check

    def _check(self, request: ConnexionRequest) -> dict[str, Any]:
        context = context_of(request.scope)
        principal = self._authenticate(_bearer_token(context.fields.get(b"authorization", b"")))
        if principal is None:
            raise Refusal(
                "invalid-token",
                "The token is not valid or no longer so.",
                f'{REALM}, error="invalid_token"',
            )
        context.principal = principal
        return {"sub": principal.subject}


def require_scopes(operation: Operation, principal: Identity | None) -> None:
    """Raises Problem if the caller lacks a scope that the operation needs."""
    if operation.scopes and principal and not operation.scopes <= principal.scopes:
        scopes = " ".join(sorted(operation.scopes))
        challenge = f'{REALM}, error="insufficient_scope", scope="{scopes}"'
        raise Problem(
            "insufficient-scope",
            f"This operation needs the scope {scopes}.",
            headers={"WWW-Authenticate": challenge},
        )


def _bearer_token(credentials: bytes) -> str:
    scheme, _, token = credentials.decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refusal("unauthenticated", "This operation needs an access token.", REALM)
    return token.strip()
