"""Every request that the contract shows succeeds, and every link leads where it says."""

from dataclasses import replace
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import pytest

from stockroom.contract.contract import load_contract
from tests.contract.gates.links import Link, links_of
from tests.contract.gates.requests import Example, examples_of
from tests.contract.gates.world import World

CONTRACT = load_contract(uploads=Path(gettempdir()))
EXAMPLES = [
    example for operation in CONTRACT.operations.values() for example in examples_of(CONTRACT, operation)
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_request_that_the_contract_shows_succeeds(example: Example, world: World) -> None:
    # What it answers is held against the contract by the client.
    world.succeed(world.prepare(example))


@pytest.mark.parametrize("link", list(links_of(CONTRACT)), ids=str)
def test_a_link_leads_to_what_succeeds(link: Link, world: World) -> None:
    world.succeed(world.follow(link, world.first(link.target)))


# The gate fails where it should.


def test_an_example_that_does_not_succeed_is_found_out(sqlite_world: World) -> None:
    archive = sqlite_world.prepare(sqlite_world.first("handlers.items.archive"))
    sqlite_world.succeed(sqlite_world.named("handlers.locations.create shelf"))
    spoiled = replace(archive, parameters={**archive.parameters, "sku": "22412"})
    with pytest.raises(
        AssertionError, match=r"archive answered 404, not 204: .*\n.*name the examples to be sent before"
    ):
        sqlite_world.succeed(spoiled)


@pytest.mark.parametrize(
    ("expression", "error", "message"),
    [
        ("$response.body#/name", AssertionError, "read answered 4"),
        ("$response.body#/code", LookupError, "create wrong finds nothing: KeyError"),
        ("$response.header.X-Sku", LookupError, "create wrong finds nothing: KeyError"),
        ("$url", LookupError, "the expression \\$url is none that is understood here"),
    ],
)
def test_a_link_to_nothing_is_found_out(
    expression: str, error: type[Exception], message: str, sqlite_world: World
) -> None:
    link = Link("wrong", "handlers.items.create", "handlers.items.read", {"sku": expression}, None)
    with pytest.raises(error, match=message):
        sqlite_world.succeed(sqlite_world.follow(link, sqlite_world.first(link.target)))


def test_a_link_takes_values_from_the_request_too(sqlite_world: World) -> None:
    link = Link("again", "handlers.items.create", "handlers.items.read", {"sku": "$request.body#/sku"}, None)
    sqlite_world.succeed(sqlite_world.follow(link, sqlite_world.first(link.target)))


@pytest.mark.parametrize(
    ("operation", "change", "message"),
    [
        ("handlers.items.read", {"parameters": [{"name": "sku", "in": "path", "required": True}]}, "its sku"),
        ("handlers.items.create", {"requestBody": {"content": {"text/csv": {}}}}, "no body of text/csv"),
    ],
)
def test_what_is_not_shown_is_told(operation: str, change: dict[str, Any], message: str) -> None:
    shown = CONTRACT.operations[operation]
    silent = replace(shown, spec={**shown.spec, **change})
    with pytest.raises(LookupError, match=f"{operation} does not show {message}|{operation} shows {message}"):
        list(examples_of(CONTRACT, silent))


def test_examples_of_one_name_belong_together() -> None:
    """Those of optional parameters go with the body of that name; what has no name is sent by itself."""
    shown = CONTRACT.operations["handlers.imports.create"]
    columns = {"name": "columns", "in": "query", "examples": {"mapped": {"value": ["StockCode:sku"]}}}
    dates = {"name": "dates", "in": "query", "example": "us"}
    kind = {"name": "kind", "in": "query", "required": True, "example": "items"}
    bodies = {"plain": {"value": "sku\n"}, "mapped": {"value": "StockCode\n"}}
    changes = {
        "parameters": [kind, columns, dates],
        "requestBody": {"content": {"text/csv": {"examples": bodies}}},
    }
    examples = list(examples_of(CONTRACT, replace(shown, spec={**shown.spec, **changes})))
    assert [(example.name, example.parameters, example.body) for example in examples] == [
        ("plain", {"kind": "items"}, "sku\n"),
        ("mapped", {"kind": "items", "columns": ["StockCode:sku"]}, "StockCode\n"),
        ("dates", {"kind": "items", "dates": "us"}, "sku\n"),
    ]
    assert examples[1].request()["url"] == "/imports?kind=items&columns=StockCode%3Asku"
