"""The catalogue of mutations: small lies that somebody might write into the contract."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stockroom.contract.document import Pointer
from stockroom.contract.schemas import pointer as as_text
from tests.contract.gates.mutants import operations, policies, schemas
from tests.contract.gates.mutants.trees import replaced

# Finds every place in a contract where it applies: (pointer, what is changed, value to stand there).
Operator = Callable[[Mapping[str, Any]], Iterator[tuple[Pointer, str, Any]]]

OPERATORS: tuple[Operator, ...] = (
    *operations.OPERATORS,
    *schemas.OPERATORS,
    *policies.OPERATORS,
)


@dataclass(frozen=True)
class Mutant:
    """One change of the contract: `value` stands at `pointer`, or nothing does if it is ABSENT."""

    operator: str
    pointer: Pointer
    change: str
    value: Any

    @property
    def id(self) -> str:
        return f"{self.operator} {as_text(self.pointer)}: {self.change}"

    def apply(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The contract's tree with the change; the tree it is made from stays as it is."""
        tree: dict[str, Any] = replaced(raw, self.pointer, self.value)
        return tree


def mutants(raw: Mapping[str, Any], each: int | None = None) -> list[Mutant]:
    """The mutants of a contract, always in the same order.

    Of an operator that applies in more than `each` places, these are so many, spread over the contract.
    """
    return [mutant for operator in OPERATORS for mutant in _spread(list(_made(operator, raw)), each)]


def _made(operator: Operator, raw: Mapping[str, Any]) -> Iterator[Mutant]:
    name = operator.__name__.replace("_", "-")
    for pointer, change, value in operator(raw):
        yield Mutant(name, pointer, change, value)


def _spread(found: list[Mutant], size: int | None) -> list[Mutant]:
    if size is None or len(found) <= size:
        return found
    return [found[number * len(found) // size] for number in range(size)]


def sample(of: list[Mutant], size: int, seed: int) -> list[Mutant]:
    """`size` of the mutants, of as many operators as can be; the same ones for the same seed."""
    shuffled = random.Random(seed).sample(of, len(of))  # noqa: S311 - nothing is kept secret
    turns: dict[str, int] = {}
    ranked = []
    for mutant in shuffled:
        turn = turns[mutant.operator] = turns.get(mutant.operator, 0) + 1
        ranked.append((turn, mutant))
    # Stable: the first of each operator, then the second of each, and so on.
    return [mutant for _, mutant in sorted(ranked, key=lambda pair: pair[0])][:size]
