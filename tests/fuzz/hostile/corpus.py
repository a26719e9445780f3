"""The corpus: for each number an attack on an operation of the contract, the same for the same seed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import httpx
import orjson

from stockroom.contract.contract import Contract
from stockroom.contract.operations import Operation
from tests.contract.gates.requests import Example, examples_of
from tests.fuzz.hostile import bodies, framing, headers, lines, media, sequences, targets, tokens, uploads
from tests.fuzz.hostile.attacks import Attack, Family, Plain
from tests.fuzz.stock import named

# The value of Authorization for the operation, and for this attack alone if it takes one of its own.
Authorize = Callable[[Operation, int], str]

EVERYWHERE: list[Family] = [
    family
    for module in (targets, headers, tokens, lines, framing, sequences, media)
    for family in module.FAMILIES
]
# Attacks without a token, of a hundred.
ANONYMOUS = 10


@dataclass(frozen=True)
class Corpus:
    """`attack(n)` is the attack with the number n; operations take turns."""

    seed: str
    plains: Sequence[Sequence[Plain]]
    authorize: Authorize

    def attack(self, number: int) -> Attack:
        rng = Random(f"{self.seed} {number}")  # noqa: S311 - it is to be repeated, not to be guessed
        plain = _renamed(rng.choice(self.plains[number % len(self.plains)]), number)
        if rng.randrange(100) >= ANONYMOUS:
            token = self.authorize(plain.operation, number).encode()
            plain = replace(plain, headers=((b"Authorization", token), *plain.headers))
        family = rng.choice(_families(plain))
        return family(rng, plain, f"h{number}")

    def operation(self, number: int) -> Operation:
        return self.plains[number % len(self.plains)][0].operation


def _renamed(plain: Plain, number: int) -> Plain:
    """With a name that is not taken, where it makes a thing: so that it gets as far as it can."""
    if not isinstance(plain.value, dict):
        return plain
    value = named(plain.operation, plain.value, f"new-{number}")
    return plain if value == plain.value else replace(plain, value=value, body=orjson.dumps(value))


def _families(plain: Plain) -> list[Family]:
    if plain.media is None:
        return EVERYWHERE
    inside = uploads.FAMILIES if plain.media == "text/csv" else bodies.FAMILIES
    # There is more to attack in a body than around it.
    return [*EVERYWHERE, *inside, *inside, *inside]


def plain_requests(contract: Contract, client: httpx.Client) -> list[list[Plain]]:
    """The requests that the contract shows, by operation, about things that are there."""
    return [list(_plain_requests(contract, o, client)) for o in contract.operations.values()]


def _plain_requests(contract: Contract, operation: Operation, client: httpx.Client) -> Iterator[Plain]:
    known = _at_hand(operation, client)
    for example in examples_of(contract, operation):
        yield _plain(replace(example, parameters={**example.parameters, **known}))


def _at_hand(operation: Operation, client: httpx.Client) -> dict[str, Any]:
    """The id of something in the list that the operation's path begins with, where ids are the service's."""
    collection, _, rest = operation.path.partition("/{")
    if not rest.startswith("id}"):
        return {}
    page = client.get(collection).raise_for_status().json()
    found = page[collection.rpartition("/")[2]]
    return {"id": found[0]["id"]} if found else {}


def _plain(example: Example) -> Plain:
    request = example.request()
    if any(p.argument == "if_match" for p in example.operation.parameters):
        request["headers"]["If-Match"] = "*"
    return Plain(
        example.operation,
        request["url"].encode(),
        tuple((name.encode(), value.encode()) for name, value in request["headers"].items()),
        example.media,
        example.body,
        request.get("content", b""),
    )
