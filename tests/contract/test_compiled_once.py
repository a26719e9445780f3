"""Nothing that depends on the contract alone is made while a request waits."""

import asyncio
import inspect
from typing import Any

import connexion.decorators.parameter
import connexion.uri_parsing
import connexion.validators
import jsonschema
import jsonschema_rs
import pytest
import structlog
import yaml

from stockroom.contract.contract import Contract
from stockroom.contract.schemas import Schemas
from tests.contract.asgi import Answer, ask

JSON = {"Content-Type": "application/json"}
REQUESTS: list[tuple[str, str, dict[str, str], bytes]] = [
    ("GET", "/", {}, b""),
    ("GET", "/health/live", {}, b""),
    ("GET", "/health/ready", {}, b""),
    ("GET", "/openapi.json", {}, b""),
    ("GET", "/openapi.yaml", {"If-None-Match": '"x"'}, b""),
    ("GET", "/docs", {}, b""),
    ("GET", "/docs/swagger-ui.css", {}, b""),
    ("GET", "/problems", {}, b""),
    ("GET", "/problems/sku-taken", {}, b""),
    ("POST", "/register", {"Content-Type": "application/json"}, b'{"username": "x"}'),
    ("POST", "/login", {"Content-Type": "application/json"}, b'{"username": "x"}'),
    ("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded"}, b"username=a"),
    ("POST", "/token/refresh", {"Content-Type": "application/json"}, b'{"refresh_token": "no"}'),
    ("GET", "/me", {}, b""),
    ("PATCH", "/me", {"Content-Type": "application/merge-patch+json"}, b'{"email": "ada@example.org"}'),
    ("PUT", "/me/password", {"Content-Type": "application/json"}, b"{}"),
    ("GET", "/users?per_page=5", {}, b""),
    ("PATCH", "/users/ada", {"Content-Type": "application/json"}, b'{"role": "admin"}'),
    ("POST", "/items", {"Content-Type": "application/json"}, b'{"sku": "A1", "name": "Axe"}'),
    ("POST", "/items", {"Content-Type": "application/json"}, b'{"sku": "A1", "name": "Axe"}'),
    ("POST", "/items", {"Content-Type": "application/json"}, b'{"sku": 1, "colour": 2}'),
    ("GET", "/items?q=axe&archived=false&sort=-name&page=1", {}, b""),
    ("HEAD", "/items/A1", {}, b""),
    ("GET", "/items/A1", {"If-None-Match": '"v1"'}, b""),
    ("PATCH", "/items/A1", {"Content-Type": "application/json", "If-Match": "*"}, b'{"name": "Adze"}'),
    ("DELETE", "/items/A1", {"If-Match": '"v1"'}, b""),
    ("GET", "/items/A1/levels", {}, b""),
    ("POST", "/locations", JSON, b'{"code": "L1", "name": "Shelf"}'),
    ("GET", "/locations?q=shelf", {}, b""),
    ("GET", "/locations/L1", {}, b""),
    ("PATCH", "/locations/L1", JSON | {"If-Match": "*"}, b'{"name": "Top shelf"}'),
    ("GET", "/levels?low=true", {}, b""),
    ("POST", "/movements", JSON, b'{"kind": "receipt", "lines": []}'),
    ("POST", "/movements", JSON, b'{"kind": "theft", "lines": []}'),
    ("GET", "/movements?since=2026-11-22T10:00:00Z", {}, b""),
    ("GET", "/movements/1", {}, b""),
    ("POST", "/movements/1/reversal", {}, b""),
    ("POST", "/counts", JSON, b'{"location": "L1", "lines": [{"sku": "A1", "counted": 0}]}'),
    ("POST", "/reservations", JSON, b'{"lines": [{"sku": "A1", "location": "L1", "quantity": 1}]}'),
    ("GET", "/reservations?state=held", {}, b""),
    ("GET", "/reservations/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11", {}, b""),
    ("DELETE", "/reservations/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11", {}, b""),
    ("POST", "/reservations/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11/fulfilment", {}, b""),
    ("DELETE", "/locations/L1", {"If-Match": "*"}, b""),
    ("GET", "/summary", {}, b""),
    ("GET", "/summary", {}, b""),
    ("POST", "/imports?kind=items&columns=a:sku,b:name", {"Content-Type": "text/csv"}, b"a,b\nA1,Axe\n"),
    ("POST", "/exports", JSON, b'{"kind": "items", "format": "csv"}'),
    ("GET", "/tasks?state=queued", {}, b""),
    ("GET", "/tasks/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11", {}, b""),
    ("DELETE", "/tasks/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11", {}, b""),
    ("GET", "/tasks/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11/errors?kind=merged", {}, b""),
    ("GET", "/tasks/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11/result", {}, b""),
    ("GET", "/nothing", {}, b""),
    ("TRACE", "/items", {}, b""),
    ("POST", "/logout", {}, b""),
]

BUILDERS = [
    (jsonschema_rs, "Draft4Validator"),
    (jsonschema_rs, "validator_for"),
    (jsonschema, "Draft4Validator"),
    (jsonschema, "validators"),
    (Schemas, "validator"),
    (inspect, "signature"),
    (connexion.uri_parsing.AbstractURIParser, "__init__"),
    (connexion.validators.JSONRequestBodyValidator, "__init__"),
    (connexion.decorators.parameter.BaseParameterDecorator, "__init__"),
    (yaml, "load"),
    (yaml, "CSafeLoader"),
]


def test_no_request_builds_a_validator_a_decorator_or_a_signature(
    serve: Any, sign_in: Any, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A check after the answer keeps nobody waiting, and makes its validators when it needs them.
    client = serve(drift_sample=0)
    caller = list(sign_in("admin", "ada").items())
    operations = set()
    # What is made once, at first use, as templates of SQL are, is none of this.
    for _ in range(2):
        for method, target, headers, body in REQUESTS:
            answer, operation = asked(client.app, method, target, [*caller, *headers.items()], body)
            assert answer.status < 500, (method, target, answer.body)
            operations.add(operation)
        _forbid(monkeypatch)
    assert operations - {None} == set(contract.operations)


def asked(app: Any, method: str, target: str, headers: Any, body: bytes) -> tuple[Answer, str | None]:
    with structlog.testing.capture_logs() as logs:
        answer = asyncio.run(ask(app, method, target, headers, [body]))
    assert answer
    return answer, next(entry["operation"] for entry in logs if entry["event"] == "request")


def _forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("this is made at start, once")

    for owner, name in BUILDERS:
        assert hasattr(owner, name)
        monkeypatch.setattr(owner, name, refuse)
