"""Methods: what a path has not is 405 with all that it has, what no path has 501; HEAD is GET, bodiless."""

from collections.abc import Callable
from typing import Any

import pytest

from stockroom.contract.contract import Contract
from tests.contract.asgi import Answer

Ask = Callable[..., Answer]

ALLOWED = {
    "/": "GET, HEAD",
    "/login": "POST",
    "/me": "GET, HEAD, PATCH",
    "/me/password": "PUT",
    "/items": "GET, HEAD, POST",
    "/items/A1": "DELETE, GET, HEAD, PATCH",
}


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "QUERY"])
@pytest.mark.parametrize("path", ALLOWED)
def test_a_method_that_is_not_there_is_answered_with_those_that_are(method: str, path: str, raw: Ask) -> None:
    answer = raw(method, path)
    assert (answer.status, answer.problem) == (405, "method-not-allowed")
    assert answer.headers["allow"] == ALLOWED[path]


@pytest.mark.parametrize("method", ["BREW", "get", "PROPFIND", "SEARCH"])
@pytest.mark.parametrize("path", ["/", "/items/A1", "/nothing"])
def test_a_method_that_is_done_nowhere_is_not_known_whatever_the_path(
    method: str, path: str, raw: Ask
) -> None:
    answer = raw(method, path)
    assert (answer.status, answer.problem) == (501, "unknown-method")


def test_the_methods_of_the_contract_are_all_that_there_are(contract: Contract, raw: Ask) -> None:
    for path in contract.document.raw["paths"]:
        concrete = path.replace("{asset}", "swagger-ui.css").replace("{", "").replace("}", "")
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE"} - set(contract.routes.methods_at(concrete)):
            assert raw(method, concrete).status == 405


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/openapi.json", "/health/live", "/items", "/me", "/problems"]
)
def test_head_has_the_headers_of_get(path: str, service: Any, ada: dict[str, str]) -> None:
    changing = {"x-request-id", "ratelimit"}
    head, get = service.head(path, headers=ada), service.get(path, headers=ada)
    assert head.status_code == get.status_code == 200
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in get.headers.items() if k not in changing
    }


def test_head_needs_a_token_where_get_does(service: Any) -> None:
    assert service.head("/me").status_code == 401
