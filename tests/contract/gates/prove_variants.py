"""Proof of the variants of a read: HEAD, and 304 for GET and HEAD, each of every answer that is declared.

What they answer is held against the contract by the client, headers that are not declared included.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import httpx

from stockroom.contract.contract import Contract
from stockroom.contract.operations import IF_NONE_MATCH, Operation
from tests.contract.gates.requests import Example, examples_of
from tests.contract.gates.world import World

# What a 304 has not, and what differs from each answer to the next.
BODILESS = {"content-type", "content-length"}
EACH = {"date", "ratelimit", "x-request-id"}


def prove_variants(world: World, operation: Operation) -> None:
    """HEAD has the headers of GET (RFC 9110, 9.3.2) and 304 those of 200, whatever is asked for.

    What no answer here has shown of what is declared, the gate of reachability tells.
    """
    asked = world.prepare(world.first(operation.id))
    _fill(world)
    shown = _prove(world, asked)
    if {name.lower() for name in operation.responses[operation.success].get("headers", {})} - shown:
        # Of a task there is more to tell once it has ended.
        world.home.work_off_all()
        _prove(world, asked)


def _fill(world: World) -> None:
    """Send all examples of what makes things, so that there are several of most."""
    ends_the_session = frozenset[str]()
    for operation in world.contract.operations.values():
        if operation.method == "POST" and operation.scopes != ends_the_session:
            for example in examples_of(world.contract, operation):
                world.send(example)


def _prove(world: World, asked: Example) -> set[str]:
    """The names of the headers that the answers have, after all their variants had them too."""
    shown: set[str] = set()
    success = asked.operation.responses[asked.operation.success]
    for example in _variants(world.contract, asked):
        for media in success.get("content", {}):
            shown |= _prove_one(world, example, {"Accept": media})
    return shown


def _variants(contract: Contract, asked: Example) -> Iterator[Example]:
    """Each example of the operation, and one with every number at its least: so pages are the shortest."""
    operation = asked.operation
    for example in examples_of(contract, operation):
        yield replace(example, parameters={**example.parameters, **asked.parameters})
    numbers = {
        spec["name"]: schema["minimum"]
        for spec in map(contract.document.resolve, operation.spec.get("parameters", ()))
        if spec["in"] == "query" and "minimum" in (schema := contract.document.resolve(spec["schema"]))
    }
    yield replace(asked, parameters={**asked.parameters, **numbers})


def _prove_one(world: World, example: Example, accept: Mapping[str, str]) -> set[str]:
    request = example.request()
    first = world.ask(request, **accept)
    assert first.status_code == example.operation.success, f"{example} answered {first.text[:500]}"
    head = world.ask(request | {"method": "HEAD"}, **accept)
    assert (head.status_code, head.content) == (first.status_code, b"")
    assert _kept(head, EACH) == _kept(first, EACH), f"HEAD of {example}"
    if example.operation.takes(IF_NONE_MATCH):
        for method in ("GET", "HEAD"):
            known = accept | {"If-None-Match": first.headers["ETag"]}
            unchanged = world.ask(request | {"method": method}, **known)
            assert (unchanged.status_code, unchanged.content) == (304, b"")
            own = BODILESS | EACH
            assert _kept(unchanged, own) == _kept(first, own), f"{method} of {example}, which is known"
    return set(first.headers)


def _kept(answer: httpx.Response, own: set[str]) -> Mapping[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in own}
