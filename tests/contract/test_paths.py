"""A path means one thing to every layer, or nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from stockroom.contract.contract import Contract
from stockroom.contract.problems import Problem
from stockroom.http.context import EXTENSION, RequestContext
from stockroom.http.dispatch import Dispatcher
from tests.contract.asgi import Answer, scope_of

Ask = Callable[..., Answer]


@pytest.mark.parametrize(
    "path",
    [
        "//me",
        "/items//x",
        "/%2fme",
        "/%2Fme",
        "/me%00",
        "/me%0a",
        "/me%0A",
        "/summary%0D",
        "/items/x%7f",
        "/items/x%1F",
        "/./me",
        "/items/../me",
        "/items/%2e%2e/me",
        "/items/.%2E/me",
        "/items/..",
        "/me%5c",
        "/me\\",
        "/me%",
        "/me%zz",
        "/me%ff",
        "/items/%ed%a0%80",
        "/items/%c0%af",
        "http://stockroom.test/me",
    ],
)
def test_an_odd_path_is_refused_before_anything_reads_it(path: str, raw: Ask, token: str) -> None:
    answer = raw("GET", path, [("Authorization", f"Bearer {token}")])
    assert (answer.status, answer.problem) == (400, "malformed-request")


@pytest.mark.parametrize("path", ["/me/", "/items/", "/docs/", "/ME", "/me;x", "/me%20", "/nothing", "*"])
def test_a_path_that_only_resembles_one_is_no_path(path: str, raw: Ask, token: str) -> None:
    answer = raw("GET", path, [("Authorization", f"Bearer {token}"), ("Host", "evil.example")])
    assert (answer.status, answer.problem) == (404, "not-found")
    assert "location" not in answer.headers
    assert b"evil" not in answer.body


def test_an_encoded_letter_is_that_letter(raw: Ask, token: str) -> None:
    assert raw("GET", "/%6d%65", [("Authorization", f"Bearer {token}")]).json()["username"] == "ada"
    assert raw("GET", "/%6d%65").status == 401


@pytest.mark.parametrize("path", ["/a\udcff", "/\ud800"])
def test_a_path_that_the_server_could_not_decode_is_malformed(path: str, raw: Ask) -> None:
    answer = raw("GET", "/a", path=path)
    assert (answer.status, answer.problem) == (400, "malformed-request")


@pytest.mark.parametrize("target", ["/items?q=" + "a" * 9_000, "/items/" + "a" * 9_000])
def test_an_endless_target_is_malformed(target: str, raw: Ask) -> None:
    assert raw("GET", target).problem == "malformed-request"


def test_a_line_feed_behind_a_path_makes_another_path_without_the_guard_too(service: Any) -> None:
    """Connexion's own routing took it for the path, and its other layers did not."""
    scope = scope_of("GET", "/summary%0a") | {"extensions": {EXTENSION: RequestContext("1", "192.0.2.1")}}
    with pytest.raises(Problem, match="Nothing is at this path"):
        asyncio.run(service.app.app(scope, None, None))


@pytest.mark.parametrize("validated", [True, False])
def test_nothing_runs_that_was_not_authorized_and_validated(contract: Contract, validated: bool) -> None:
    operation = contract.operations["handlers.summary.read"]
    context = RequestContext(
        "1", "192.0.2.1", operation=operation, validated=operation if validated else None
    )
    with pytest.raises(PermissionError, match="not authorized" if validated else "not validated"):
        Dispatcher.handler(None, context)  # type: ignore[arg-type]  # it looks at nothing of its own
