"""Nothing that depends on the contract alone is made while a request waits."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import connexion.decorators.parameter
import connexion.uri_parsing
import connexion.validators
import jsonschema
import jsonschema_rs
import pytest
import yaml
from starlette.testclient import TestClient

from app import create_app
from stockroom.contract.contract import Contract
from stockroom.contract.schemas import Schemas
from stockroom.db.database import Database
from stockroom.settings import Settings
from tests.contract.gates.home import Home
from tests.contract.gates.requests import Example, examples_of, refused
from tests.contract.gates.world import World

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
    configure: Callable[..., Settings],
    database: Database,
    contract: Contract,
    empty: Callable[[Database], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whatever checks answers, the service or the client of other tests, makes validators as it needs them.
    settings = configure(drift_sample=0, rate_limits="report")
    service = create_app(settings, contract=contract, database=database)
    with TestClient(service, "http://stockroom.test", follow_redirects=False) as client:
        home = Home(client, database, settings)
        # What is made once, at first use, as templates of SQL are, is none of this.
        for _ in range(2):
            for example in shown(contract):
                empty(database)
                send_in_all_ways(World(contract, home), example)
            assert client.get("/nothing").status_code == 404
            assert client.request("TRACE", "/").status_code == 405
            _forbid(monkeypatch)


def shown(contract: Contract) -> Iterator[Example]:
    for operation in contract.operations.values():
        yield from examples_of(contract, operation)


def send_in_all_ways(world: World, example: Example) -> None:
    """Send a request that the contract shows as it is, twice, and wrong in each of its parts."""
    prepared = world.prepare(example)
    request, nobody = prepared.request(), replace(world, caller={})
    nobody.ask(refused(prepared))
    world.ask(refused(prepared))
    if prepared.media:
        world.ask(request | {"headers": request["headers"] | {"Content-Type": "unheard/of"}})
        world.ask(request | {"content": b"{"})
    answer = world.succeed(prepared)
    world.ask(request, **{"If-None-Match": answer.headers.get("ETag", "*")})


def _forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("this is made at start, once")

    for owner, name in BUILDERS:
        assert hasattr(owner, name)
        monkeypatch.setattr(owner, name, refuse)
