"""What Schemathesis cannot know of the service; `schemathesis.toml` names this module."""

import os
from itertools import count
from typing import Any

import httpx
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData

USER = os.environ["FUZZ_USER"]

# Refusals of requests that fit every schema: the schema language cannot say what makes them wrong.
UNSAYABLE = {
    "/problems/expiry-out-of-range",
    "/problems/idempotency-mismatch",
    "/problems/invalid-csv",
    "/problems/repeated-line",
    "/problems/same-location",
    "/problems/weak-password",
}

# These end the session of the token they come with. So that it is not the one of all other requests, each of
# these requests gets an account of its own.
ENDING_SESSIONS = {"handlers.auth.logout", "handlers.me.change_password"}
_numbers = count(1)

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
    for name in ("IfMatch", "IfNoneMatch"):
        raw_schema["components"]["parameters"][name]["schema"]["format"] = "entity-tags"
    file = raw_schema["paths"]["/imports"]["post"]["requestBody"]["content"]["text/csv"]
    file["example"] = file["example"].encode()


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    if case.operation.definition.raw["operationId"] in ENDING_SESSIONS and "Authorization" in case.headers:
        # The password is the one that the contract's example changes.
        content = case.operation.schema.raw_schema["paths"]["/me/password"]["put"]["requestBody"]["content"]
        password = content["application/json"]["example"]["current_password"]
        case.headers["Authorization"] = f"Bearer {_token_to_lose(case.operation.base_url, password)}"


def _token_to_lose(url: str | None, password: str) -> str:
    account = {"username": f"lost-{os.getpid()}-{next(_numbers)}", "password": password}
    with httpx.Client(base_url=url or "", timeout=20) as client:
        client.post("/register", json={**account, "email": "lost@example.com"}).raise_for_status()
        token: str = client.post("/login", json=account).raise_for_status().json()["access_token"]
        return token


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leave the account alone that all requests are made with: a change of its role would end its session."""
    return case.path_parameters.get("username") != USER if isinstance(case.path_parameters, dict) else True


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case,
    response: schemathesis.Response,
) -> bool:
    return not (isinstance(failure, RejectedPositiveData) and _is_unsayable(response.json()))


def _is_unsayable(problem: dict[str, Any]) -> bool:
    # A cursor comes from an answer; the contract bounds only its characters.
    blamed = {error.get("parameter") for error in problem.get("errors", ())}
    return problem["type"] in UNSAYABLE or blamed == {"cursor"}
