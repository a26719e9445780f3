"""Proof of what the contract says of writes: `If-Match` (RFC 9110, 13.1.1) and `Idempotency-Key`."""

import uuid
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any

import httpx

from stockroom.contract.operations import IDEMPOTENCY_KEY, Operation
from stockroom.contract.schemas import is_uuid
from tests.contract.gates.requests import Example, refused
from tests.contract.gates.world import World

# What differs from each answer to the next, also where one is the other again.
OWN = {"date", "ratelimit", "x-request-id"}
# Seconds; what comes later than this comes never.
PATIENCE = 20.0


def assert_problem(answer: httpx.Response, status: int, slug: str) -> None:
    told = answer.json()["type"] if answer.is_error else None
    assert (answer.status_code, told) == (status, f"/problems/{slug}"), answer.text[:500]


def prove_if_match(world: World, operation: Operation) -> None:
    """A change needs the present ETag, once everything else is as it should be."""
    # Here it is not there yet.
    _prove_order(world, world.first(operation.id), absent=404, mismatched=404)
    change = world.prepare(world.first(operation.id))
    etag = change.parameters.get("If-Match")
    assert etag, f"give {operation.id} a link with its If-Match"
    _prove_order(world, change, absent=428, mismatched=412)
    assert_problem(world.send(_matching(change, None)), 428, "precondition-required")
    for other in ('"other"', f"W/{etag}", f'"other", W/{etag}'):
        assert_problem(world.send(_matching(change, other)), 412, "precondition-failed")
    # That it succeeds shows as well that nothing was changed so far.
    world.succeed(change)
    assert_problem(world.send(change), 412, "precondition-failed")
    world.succeed(_matching(change, "*"))


def _matching(example: Example, if_match: str | None) -> Example:
    others = {name: value for name, value in example.parameters.items() if name != "If-Match"}
    return replace(example, parameters=others if if_match is None else {**others, "If-Match": if_match})


def _prove_order(world: World, change: Example, absent: int, mismatched: int) -> None:
    """What else is wrong with a request comes first; without any other fault it is answered as given here."""
    for if_match, last in ((None, absent), ('"other"', mismatched)):
        asked = _matching(change, if_match)
        statuses = [
            replace(world, caller={}).send(asked).status_code,
            world.by("bob", scopes=()).send(asked).status_code,
            world.ask(refused(asked)).status_code,
            world.send(asked).status_code,
        ]
        assert statuses == [401, 403, 400, last], f"If-Match {if_match}: {statuses}"


def prove_idempotency(world: World, operation: Operation) -> None:
    """The same again gets the first answer and does nothing; another request with the key is refused."""
    asked = world.prepare(world.first(operation.id))
    text = str(uuid.uuid4())
    key = {"Idempotency-Key": f'"{text}"'}
    # A refused request does not use up its key.
    assert world.ask(refused(asked), **key).status_code == 400
    first = world.send(asked, **key)
    assert first.status_code == operation.success, first.text
    number = _number_like(world, first)
    for same in (f'"{text}"', text):
        again = world.send(asked, **{"Idempotency-Key": same})
        assert (again.status_code, again.content) == (first.status_code, first.content), (
            f"with the key {same}"
        )
        assert _kept(again) == _kept(first)
    others = (world.send(other, **key) for other in _others(asked))
    assert_problem(next(other for other in others if other.status_code != 400), 422, "idempotency-mismatch")
    assert _number_like(world, first) == number, "it was done again"
    for answer in (world.by("bob").send(asked, **key), world.send(_elsewhere(world, operation), **key)):
        assert "idempotency" not in answer.text, "others cannot use the same key"
        assert answer.content != first.content, "others get the answer too"


def _kept(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OWN}


def _number_like(world: World, answer: httpx.Response) -> int:
    """How many things there are like the one that was made, in the list that it is in."""
    assert "Location" in answer.headers, "without a Location it is not known where to count"
    listed = answer.headers["Location"].rpartition("/")[0]
    total: int = world.ask({"method": "GET", "url": listed}).json()["total"]
    return total


def _elsewhere(world: World, operation: Operation) -> Example:
    """A request to another operation that takes keys."""
    operations = world.contract.operations.values()
    return world.first(next(o.id for o in operations if o.takes(IDEMPOTENCY_KEY) and o.id != operation.id))


def _others(example: Example) -> Iterator[Example]:
    """Other requests to the same operation. Some are not valid: of texts it is not known what they may be."""
    if example.body is None:
        return (replace(example, parameters=other) for other in _altered(dict(example.parameters)))
    return (replace(example, body=other) for other in _altered(example.body))


def _altered(value: Any) -> Iterator[Any]:
    """The value with another number, truth, id, row or text in one place."""
    match value:
        case dict():
            for name, member in value.items():
                yield from ({**value, name: other} for other in _altered(member))
        case [first, *others]:
            yield from ([other, *others] for other in _altered(first))
        case bool():
            yield not value
        case int():
            yield value + 1
        case str() if is_uuid(value):
            yield str(uuid.uuid4())
        case str() if "\n" in value:
            yield f"{value}{value.splitlines()[-1]}\n"
        case str():
            yield f"{value}{value[-1:]}"


def prove_in_flight(world: World, operation: Operation, patience: float = PATIENCE) -> None:
    """Of two at once one is told that the other is still running; later it gets the answer of the other."""
    asked = world.prepare(world.first(operation.id))
    key = {"Idempotency-Key": f'"{uuid.uuid4()}"'}
    with ThreadPoolExecutor(2) as threads:
        with world.home.blocked():
            both = [threads.submit(world.send, asked, **key) for _ in range(2)]
            ended, running = wait(both, patience, FIRST_COMPLETED)
            assert len(ended) == len(running) == 1, f"{len(ended)} have ended while nothing can be written"
        assert_problem(ended.pop().result(), 409, "idempotency-in-flight")
        first = running.pop().result()
    assert first.status_code == operation.success, first.text
    assert world.send(asked, **key).content == first.content
