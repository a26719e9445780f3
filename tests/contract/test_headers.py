"""What every request must be and every answer carries, below and above the operations."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.asgi import Answer

Ask = Callable[..., Answer]

EVERY_KIND = [
    pytest.param("GET", "/", {}, 200, id="200"),
    pytest.param("GET", "/openapi.json", {"If-None-Match": "*"}, 304, id="304"),
    pytest.param("GET", "/items?page=x", {"Authorization": "Bearer {token}"}, 400, id="400 of an operation"),
    pytest.param("GET", "//", {}, 400, id="400 of the guard"),
    pytest.param("GET", "/me", {}, 401, id="401"),
    pytest.param("GET", "/nothing", {}, 404, id="404"),
    pytest.param("DELETE", "/me", {}, 405, id="405"),
    pytest.param("POST", "/items", {"Authorization": "Bearer {token}"}, 415, id="415"),
    pytest.param("POST", "/items", {"Transfer-Encoding": "gzip, chunked"}, 501, id="501"),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), EVERY_KIND)
def test_every_answer_carries_its_request_id_and_security_headers(
    method: str, path: str, headers: dict[str, str], status: int, raw: Ask, token: str
) -> None:
    sent = [(name, value.format(token=token)) for name, value in headers.items()]
    answer = raw(method, path, [*sent, ("X-Request-Id", "mine.1")])
    assert answer.status == status
    assert answer.headers["x-request-id"] == "mine.1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"]


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("header", "value", "pattern"),
    [
        pytest.param("X-Request-Id", "a" * 64, "a{64}", id="mine"),
        pytest.param("X-Request-Id", "a" * 65, "[0-9a-f]{32}", id="too long"),
        pytest.param("X-Request-Id", "a\tb", "[0-9a-f]{32}", id="with a tab"),
        pytest.param("X-Request-Id", "<script>", "[0-9a-f]{32}", id="with signs"),
        pytest.param("X-Request-Id", "", "[0-9a-f]{32}", id="empty"),
        pytest.param("traceparent", TRACE, "0af7651916cd43dd8448eb211c80319c", id="a trace's"),
        pytest.param("traceparent", TRACE + "0", "[0-9a-f]{32}", id="a broken trace's"),
    ],
)
def test_a_request_is_called_what_its_sender_calls_it(
    header: str, value: str, pattern: str, raw: Ask
) -> None:
    assert re.fullmatch(pattern, raw("GET", "/", [(header, value)]).headers["x-request-id"])


@pytest.mark.parametrize(
    ("authorization", "challenge"),
    [
        pytest.param(None, 'Bearer realm="stockroom"', id="none"),
        pytest.param("Basic YWRhOmE=", 'Bearer realm="stockroom"', id="another scheme"),
        pytest.param("Bearer", 'Bearer realm="stockroom"', id="no token"),
        pytest.param("Bearer nonsense", 'Bearer realm="stockroom", error="invalid_token"', id="nonsense"),
        pytest.param("Bearer \xff\xe9", 'Bearer realm="stockroom", error="invalid_token"', id="no ASCII"),
        pytest.param("Bearer a.b.c", 'Bearer realm="stockroom", error="invalid_token"', id="three parts"),
        pytest.param(f"Bearer {'a.' * 15_000}", 'Bearer realm="stockroom", error="invalid_token"', id="huge"),
    ],
)
def test_401_says_how_to_authenticate(authorization: str | None, challenge: str, raw: Ask) -> None:
    answer = raw("GET", "/me", [("Authorization", authorization)] if authorization is not None else [])
    assert answer.status == 401
    assert answer.problem == ("invalid-token" if "error" in challenge else "unauthenticated")
    assert answer.headers["www-authenticate"] == challenge


def test_403_says_what_scope_is_missing(client: Any, sign_in: Any) -> None:
    answer = client.post("/items", headers=sign_in("viewer"), json={"sku": "A1", "name": "Axe"})
    assert answer.status_code == 403
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="stockroom", error="insufficient_scope", scope="items:write"'
    )


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("Content-Length", "2"), ("Content-Length", "2")], id="two lengths"),
        pytest.param([("Content-Length", "2"), ("Transfer-Encoding", "chunked")], id="length and chunks"),
        pytest.param([("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "x")], id="two encodings"),
        pytest.param([("Host", "a"), ("Host", "b")], id="two hosts"),
        pytest.param([("Authorization", "Bearer a"), ("Authorization", "Bearer b")], id="two tokens"),
        pytest.param([("Content-Type", "text/csv"), ("Content-Type", "application/json")], id="two types"),
        pytest.param([("Content-Length", "-1")], id="a negative length"),
        pytest.param([("Content-Length", "+2")], id="a signed length"),
        pytest.param([("Content-Length", "0x2")], id="a hexadecimal length"),
        pytest.param([("Content-Length", "1_0")], id="a length with an underscore"),
        pytest.param([("Content-Length", "")], id="an empty length"),
        pytest.param([("Content-Length", "9" * 30)], id="an endless length"),
    ],
)
def test_a_request_whose_end_or_sender_is_in_doubt_is_the_connections_last(
    headers: list[tuple[str, str]], raw: Ask
) -> None:
    answer = raw("POST", "/login", headers, [b"{}"])
    assert (answer.status, answer.problem) == (400, "malformed-request")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("X-Bomb", "a" * 40_000)], id="one that is large"),
        pytest.param([(f"X-{number}", "a" * 10) for number in range(5_000)], id="thousands"),
    ],
)
def test_header_bombs_are_refused(headers: list[tuple[str, str]], raw: Ask) -> None:
    assert raw("GET", "/", headers).problem == "malformed-request"


def test_answers_to_callers_stay_out_of_shared_caches(service: Any, ada: dict[str, str]) -> None:
    assert service.get("/items", headers=ada).headers["Cache-Control"] == "private, no-cache"
    assert service.get("/summary", headers=ada).headers["Cache-Control"] == "private, max-age=60"
    assert service.get("/items/none", headers=ada).headers["Cache-Control"] == "no-store"
