"""Faults of ours: a bland answer for the client, everything else for the log."""

import asyncio
from pathlib import Path

from sqlalchemy.exc import OperationalError

from handlers._errors import problem_for
from tests.contract.asgi import ask
from tests.contract.stock import our_service


def test_a_handler_that_fails_is_a_bland_500_and_logged(
    tmp_path: Path, logged: list[dict[str, object]]
) -> None:
    answer = asyncio.run(ask(our_service(tmp_path), "GET", "/broken", [("X-Request-Id", "mine")]))
    assert answer
    assert answer.status == 500
    assert answer.json() == {
        "type": "/problems/internal-error",
        "title": "A fault",
        "status": 500,
        "detail": "This is a fault of the service. It is logged under the request id.",
        "instance": "/broken",
    }
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["x-content-type-options"] == "nosniff"
    fault = next(entry for entry in logged if entry["event"] == "request.failed")
    assert "sesame" in repr(fault["exc_info"])
    assert next(entry for entry in logged if entry["event"] == "request")["status"] == 500


def test_a_database_that_is_away_is_503_and_says_when_to_come_back(logged: list[dict[str, object]]) -> None:
    problem = problem_for(OperationalError("SELECT secret", {}, Exception("connection refused at 10.0.0.7")))
    assert problem
    assert problem.code == "unavailable"
    assert problem.headers == {"Retry-After": "1"}
    assert "10.0.0.7" not in problem.detail
