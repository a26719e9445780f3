"""What Schemathesis cannot know of the service; `schemathesis.toml` names this module."""

import os
from itertools import count
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.core.transport import Response
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData

from stockroom.accounts.model import ROLE_SCOPES, Role
from stockroom.contract.contract import load_contract
from stockroom.contract.operations import Operation
from tests.contract.gates.facts import record
from tests.contract.gates.lint.names import RUNTIME
from tests.contract.gates.oracle.refusals import ANY_TIME, OF_THE_CONTRACT
from tests.fuzz.stock import changes_own_account, named

ROLE: Role = os.environ["FUZZ_ROLE"]  # type: ignore[assignment]  # conftest names one

CONTRACT = load_contract(uploads=Path(gettempdir()))

# What handlers refuse though it fits every schema: the schema language cannot say what makes it wrong.
UNSAYABLE = {
    kind.type
    for slug, kind in CONTRACT.catalogue.types.items()
    if slug not in ANY_TIME | OF_THE_CONTRACT | RUNTIME
}

_numbers = count(1)
_session = requests.Session()

# Schemathesis generates no header whose pattern demands more than letters and digits, as the quotes of entity
# tags do, unless it has a format for them.
schemathesis.openapi.format(
    "entity-tags", st.sampled_from(["*", '"v1"', '"v2"', 'W/"v1"', '"", "v1"', '"!#~"'])
)

# Files that may be imported, and all others.
_cells = st.sampled_from(
    ["A1", "22411", "Axe", "", "NA", "-1", "25", "a|b", '"', '"x\ny"', "\0", "é", "\ud83d", "x" * 300]
)
_rows = st.lists(_cells, min_size=2, max_size=4).map(",".join)
_files = st.lists(_rows, max_size=5).map(lambda rows: "\r\n".join(["sku,name,reorder_point", *rows]))
_bytes = _files.map(lambda text: text.encode("utf-8", "surrogatepass"))
schemathesis.openapi.media_type("text/csv", _bytes | st.binary(max_size=100))


@schemathesis.hook
def before_load_schema(context: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    # Schemathesis tries operations without a token and with made-up ones (`ignored_auth`) where it knows how
    # tokens are sent. Of OAuth 2 it does not know that.
    raw_schema["components"]["securitySchemes"]["password"] = {"type": "http", "scheme": "bearer"}
    for name in ("IfMatch", "IfNoneMatch"):
        raw_schema["components"]["parameters"][name]["schema"]["format"] = "entity-tags"
    file = raw_schema["paths"]["/imports"]["post"]["requestBody"]["content"]["text/csv"]
    file["example"] = file["example"].encode()


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    if case._has_explicit_auth and _may_end_session(case):
        case.headers["Authorization"] = f"Bearer {_token_to_lose(case)}"
    if case.meta and case.meta.phase.name == TestPhase.STATEFUL:
        _make_new(case)


def _operation(case: schemathesis.Case) -> Operation:
    return CONTRACT.operations[case.operation.definition.raw["operationId"]]


def _make_new(case: schemathesis.Case) -> None:
    """Let a valid request for a new thing get a name that is not taken.

    Hypothesis repeats the beginnings of scenarios, and gives up where the same request is answered otherwise.
    """
    if case.meta.generation.mode.is_positive and isinstance(case.body, dict):
        case.body = named(_operation(case), case.body, f"new-{os.getpid()}-{next(_numbers)}")


def _may_end_session(case: schemathesis.Case) -> bool:
    """Such a request gets the token of an account of its own, so that it is not the token of all others."""
    operation = _operation(case)
    is_refused = operation.bodies and case.meta and not case.meta.generation.mode.is_positive
    return changes_own_account(operation) and not is_refused


def _token_to_lose(case: schemathesis.Case) -> str:
    # The password is the one that the contract's example changes.
    content = case.operation.schema.raw_schema["paths"]["/me/password"]["put"]["requestBody"]["content"]
    password = content["application/json"]["example"]["current_password"]
    account = {"username": f"lost-{os.getpid()}-{next(_numbers)}", "password": password}
    _post(case, "/register", account | {"email": "lost@example.com"})
    token: str = _post(case, "/login", account)["access_token"]
    return token


def _post(case: schemathesis.Case, path: str, body: dict[str, str]) -> Any:
    response = _session.post(f"{case.operation.base_url}{path}", json=body, timeout=20)
    response.raise_for_status()
    return response.json()


@schemathesis.hook
def after_call(context: schemathesis.HookContext, case: schemathesis.Case, response: Response) -> None:
    request = response.request
    record(
        str(request.method),
        str(request.url),
        {name: _text(value) for name, value in request.headers.items()},
        _bytes(request.body),
        response.status_code,
        {name: ", ".join(values) for name, values in response.headers.items()},
        response.content,
    )


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _bytes(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave the accounts alone that requests are made with: a change of role would end their sessions."""
    return not (
        isinstance(case.path_parameters, dict) and case.path_parameters.get("username") in ROLE_SCOPES
    )


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case,
    response: Response,
) -> bool:
    return not (isinstance(failure, RejectedPositiveData) and _is_unsayable(case, response))


def _is_unsayable(case: schemathesis.Case, response: Response) -> bool:
    problem = response.json()
    match problem["type"]:
        case "/problems/insufficient-scope":
            return bool(_scopes_asked_for(response) - ROLE_SCOPES[ROLE])
        case "/problems/invalid-token":
            # A refresh token, that is. Access tokens are always valid ones.
            return case.operation.path == "/token/refresh"
        case "/problems/validation-failed":
            # A cursor comes from an answer; the contract bounds only its characters.
            return {error.get("parameter") for error in problem["errors"]} == {"cursor"}
    return problem["type"] in UNSAYABLE


def _scopes_asked_for(response: Response) -> set[str]:
    challenge = response.headers["www-authenticate"][0]
    return set(challenge.partition('scope="')[2].rstrip('"').split())
