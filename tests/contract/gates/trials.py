"""Mutants before the gates: which gates see that a contract is no longer true, and what they say."""

import inspect
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from importlib import import_module
from pathlib import Path

import handlers
from stockroom.contract.binding import bind_handlers
from stockroom.contract.compatibility import breaking_changes
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract, compile_contract
from stockroom.contract.document import ContractError, Document, check_document
from tests.contract.gates.examples import example_faults
from tests.contract.gates.extents import Extents
from tests.contract.gates.facts import Fact
from tests.contract.gates.mutations import Mutant
from tests.contract.gates.oracle import Oracle


@dataclass(frozen=True)
class Trial:
    """A mutated contract that has started, the true one, and the facts that the change concerns."""

    before: Contract
    after: Contract
    facts: list[Fact]


# What a gate has to say of a contract; only the first of it is asked for.
Gate = Callable[[Trial], Iterable[str]]


def _facts(trial: Trial) -> Iterable[str]:
    oracle = Oracle(trial.after)
    return (said for fact in trial.facts for said in oracle.contradictions(fact))


def _compatibility(trial: Trial) -> Iterable[str]:
    return breaking_changes(trial.before.document, trial.after.document, date.today())  # noqa: DTZ011


GATES: Mapping[str, Gate] = {
    "examples": lambda trial: example_faults(trial.after),
    "facts": _facts,
    "compatibility": _compatibility,
}


class Court:
    """Tries mutants of one contract. What a gate says of the contract itself is no evidence."""

    def __init__(self, contract: Contract, seen: Iterable[Fact], uploads: Path) -> None:
        self._contract = contract
        self._uploads = uploads
        self._extents = Extents(contract.document.raw)
        self._facts = _by_operation(contract, seen)

    def evidence(self, mutant: Mutant) -> dict[str, str]:
        """The gates that see the mutant, each with what it says first."""
        raw = mutant.apply(self._contract.document.raw)
        try:
            contract = self._start(replace(self._contract.document, raw=raw))
        except ContractError as error:
            return {"start": str(error).splitlines()[0]}
        trial = Trial(self._contract, contract, self._concerned(raw))
        said = {name: next(iter(gate(trial)), None) for name, gate in GATES.items()}
        return {name: words for name, words in said.items() if words is not None}

    def _start(self, document: Document) -> Contract:
        """The contract as the service starts with it. Raises ContractError where the service refuses to."""
        # The whole takes a quarter of a second; what did not change was found valid before.
        check_document(replace(document, raw=self._extents.part(document.raw)))
        contract = compile_contract(document, self._uploads)
        bind_handlers(document, contract.operations, handlers, dict.fromkeys(_dependencies()), {})
        return contract

    def _concerned(self, raw: Mapping[str, object]) -> list[Fact]:
        concerned = self._extents.concerned(raw)
        return [
            fact
            for operation, found in self._facts.items()
            if concerned is None or operation in concerned
            for fact in found
        ]


def _by_operation(contract: Contract, seen: Iterable[Fact]) -> Mapping[str, list[Fact]]:
    """Facts by the id of their operation, which is empty for those of none."""
    conformance = Conformance(contract)
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in seen:
        operation = conformance.operation(fact.method, fact.path)
        found[operation.id if operation else ""].append(fact)
    return found


def _dependencies() -> set[str]:
    """Everything that handlers ask for beside the request's values."""
    modules = [import_module(info.name) for info in pkgutil.iter_modules(handlers.__path__, "handlers.")]
    functions = [member for module in modules for _, member in inspect.getmembers(module, inspect.isfunction)]
    return {
        parameter.name
        for function in functions
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
