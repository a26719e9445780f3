"""Every operation refuses what every operation of its kind refuses, with the headers that it declares."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.contract.contract import Contract
from stockroom.contract.operations import Operation
from stockroom.contract.problem_types import problem_types
from tests.contract.asgi import Answer
from tests.service import KEY

Header = tuple[str, str]
Refused = Callable[..., list[tuple[Operation, Answer]]]

UNKNOWN = "?unheard-of=1"


@pytest.fixture
def refused(contract: Contract, raw: Callable[..., Answer]) -> Refused:
    """Ask each operation that declares a refusal, and hold that it refuses so; get them and their answers.

    The request has a parameter that no operation knows, and no body.
    """

    def refused(status: int, kind: str, *headers: Header) -> list[tuple[Operation, Answer]]:
        answers = list(ask_all(status, kind, *headers))
        assert answers
        return answers

    def ask_all(status: int, kind: str, *headers: Header) -> Iterator[tuple[Operation, Answer]]:
        for operation in contract.operations.values():
            # Of open operations one may refuse a token too: one that comes in the body.
            secured = status != 401 or operation.scopes is not None
            if not secured or f"/problems/{kind}" not in problem_types(operation.responses.get(status, {})):
                continue
            # Of an enum in the path there is no other.
            path = operation.path.replace("{asset}", "swagger-ui.css")
            path = re.sub(r"\{[^}]*\}", "x", path)
            media = {"Content-Type": next(iter(operation.bodies))} if operation.bodies else {}
            own = [(name, value) for name, value in media.items() if name not in dict(headers)]
            answer = raw(operation.method, path + UNKNOWN, [*headers, *own])
            assert (answer.status, answer.problem) == (status, kind), (operation.id, answer.body)
            yield operation, answer

    return refused


@pytest.fixture
def bearer(token: str) -> Header:
    return "Authorization", f"Bearer {token}"


def assert_headers(operation: Operation, answer: Answer) -> None:
    """All headers that the operation declares for this status are there."""
    declared = {name.lower() for name in operation.responses[answer.status].get("headers", {})}
    assert declared <= answer.headers.keys(), operation.id


def test_what_can_mean_two_things_is_malformed(refused: Refused, contract: Contract) -> None:
    asked = [operation for operation, _ in refused(400, "malformed-request", ("Host", "a"), ("Host", "b"))]
    assert asked == [*contract.operations.values()]


def test_an_unknown_parameter_is_not_valid(refused: Refused, bearer: Header, contract: Contract) -> None:
    asked = set()
    for operation, answer in refused(400, "validation-failed", bearer):
        assert "unheard-of" in {fault.get("parameter") for fault in answer.json()["errors"]}
        assert_headers(operation, answer)
        asked.add(operation.id)
    assert asked == set(contract.operations)


def test_a_body_that_is_too_large_is_refused_by_its_length(refused: Refused, bearer: Header) -> None:
    for operation, answer in refused(413, "content-too-large", bearer, ("Content-Length", str(10**9))):
        assert operation.bodies
        assert_headers(operation, answer)


def test_a_body_of_another_media_type_is_refused(refused: Refused, bearer: Header) -> None:
    for operation, answer in refused(415, "unsupported-media-type", bearer, ("Content-Type", "text/x")):
        assert operation.bodies
        assert_headers(operation, answer)


def test_who_does_not_say_who_calls_is_asked_to(refused: Refused) -> None:
    for operation, answer in refused(401, "unauthenticated"):
        assert answer.headers["www-authenticate"] == 'Bearer realm="stockroom"', operation.id


def test_a_token_that_is_not_valid_opens_nothing(refused: Refused) -> None:
    for operation, answer in refused(401, "invalid-token", ("Authorization", "Bearer nonsense")):
        assert answer.headers["www-authenticate"] == 'Bearer realm="stockroom", error="invalid_token"', (
            operation.id
        )


def test_a_token_without_its_scopes_is_told_which_it_needs(refused: Refused) -> None:
    token = Tokens(KEY.encode(), Revocations()).issue("ada", "session", frozenset(), datetime.now(UTC))
    for operation, answer in refused(403, "insufficient-scope", ("Authorization", f"Bearer {token}")):
        assert operation.scopes
        needed = " ".join(sorted(operation.scopes))
        assert f'error="insufficient_scope", scope="{needed}"' in answer.headers["www-authenticate"]
