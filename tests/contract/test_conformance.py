"""What of an answer is not as the contract declares, by part, place and rule."""

import pytest

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract

PAGE = {"content-type": "text/html; charset=utf-8", "etag": '"v1"'}
LIVE = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}


@pytest.fixture(scope="module")
def conformance(contract: Contract) -> Conformance:
    return Conformance(contract)


@pytest.mark.parametrize(
    ("path", "status", "headers", "body", "expected"),
    [
        pytest.param("/docs", 200, PAGE, b"<p>", None, id="as declared"),
        pytest.param("/docs", 500, PAGE, b"<p>", ("status", "", "undeclared"), id="a status"),
        pytest.param(
            "/docs", 200, PAGE | {"x-new": "1"}, b"<p>", ("header", "x-new", "undeclared"), id="a header"
        ),
        pytest.param(
            "/docs", 200, PAGE | {"etag": "v1"}, b"<p>", ("header", "etag", "pattern"), id="a header's value"
        ),
        pytest.param(
            "/nothing", 405, {"content-type": "text/html"}, b"", ("media-type", "", "undeclared"), id="a type"
        ),
        pytest.param(
            "/docs", 304, {"etag": '"v1"'}, b"<p>", ("body", "", "undeclared"), id="a body too many"
        ),
        pytest.param("/docs", 200, PAGE, b"\xff", ("body", "", "unreadable"), id="text that is no UTF-8"),
        pytest.param("/health/live", 200, LIVE, b"{", ("body", "", "unreadable"), id="JSON that is none"),
        pytest.param(
            "/docs", 200, PAGE, b"<p>" * 5000, ("body", "", "maxLength"), id="a schema without a name"
        ),
        pytest.param(
            "/nothing",
            404,
            PROBLEM,
            b"{}",
            ("body", "/components/schemas/Problem", "required"),
            id="a schema with a name",
        ),
    ],
)
def test_what_is_not_declared_is_told_by_part_place_and_rule(
    conformance: Conformance,
    path: str,
    status: int,
    headers: dict[str, str],
    body: bytes,
    expected: tuple[str, str, str] | None,
) -> None:
    operation = conformance.operation("GET", path)
    found = [*conformance.examine(operation, "GET", status, headers, body)]
    assert {(fault.part, fault.place, fault.rule) for fault in found} == ({expected} if expected else set())
    assert len(conformance.faults("GET", path, status, headers, body)) == len(found)


def test_a_header_that_is_missing_is_told(conformance: Conformance) -> None:
    operation = conformance.operation("GET", "/me")
    body = b'{"type": "/problems/invalid-token", "title": "", "status": 401, "detail": "", "instance": "/"}'
    (fault,) = conformance.examine(operation, "GET", 401, PROBLEM, body)
    assert (fault.part, fault.place, fault.rule) == ("header", "www-authenticate", "missing")
