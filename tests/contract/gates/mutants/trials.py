"""Mutants before the gates: which gates see that a contract is no longer true, and what they say."""

import inspect
import os
import pkgutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import handlers
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract, compile_contract
from stockroom.contract.document import ContractError, Document
from stockroom.contract.parsing import check_document
from stockroom.http.binding import bind_handlers
from tests.contract.gates.compatibility import breaking_changes
from tests.contract.gates.examples import example_faults
from tests.contract.gates.facts import Fact
from tests.contract.gates.lint import RULES, lint
from tests.contract.gates.mutants.change_scope import ChangeScope
from tests.contract.gates.mutants.mutations import Mutant
from tests.contract.gates.oracle import Oracle
from tests.contract.gates.reachability import Promise, promises, shown


@dataclass(frozen=True)
class Trial:
    """A mutated contract that has started, and the facts that the change concerns.

    `before` and `after` are the parts of the contract, true and mutated, that the change concerns: to look at
    the whole takes several times as long. `known` is what the rules say of the true contract, and `promised`
    what that declares: neither is evidence. `shown` are the promises that facts have shown to be kept.
    """

    contract: Contract
    before: Document
    after: Document
    facts: list[Fact]
    known: frozenset[str]
    promised: frozenset[Promise]
    shown: frozenset[Promise]


# What a gate has to say of a contract; only the first of it is asked for.
Gate = Callable[[Trial], Iterable[str]]

# What is used nowhere, and what leads nowhere, can be told from the whole only.
WHOLE = {name: rule for name, rule in RULES.items() if name.startswith("used-") or name == "link-targets"}
LOCAL = {name: rule for name, rule in RULES.items() if name not in WHOLE}


def _lint(trial: Trial) -> Iterable[str]:
    said = [*lint(trial.after, LOCAL), *lint(trial.contract.document, WHOLE)]
    # An exemption is not needless for a part that does not hold its place.
    return (line for line in said if line not in trial.known and not line.endswith("needs no exemption"))


def _examples(trial: Trial) -> Iterable[str]:
    return example_faults(replace(trial.contract, document=trial.after))


def _facts(trial: Trial) -> Iterable[str]:
    oracle = Oracle(trial.contract)
    return (said for fact in trial.facts for said in oracle.contradictions(fact))


def _reachability(trial: Trial) -> Iterable[str]:
    declared = promises(trial.contract) - trial.promised
    return (f"{promise} was never seen" for promise in declared - trial.shown)


def _compatibility(trial: Trial) -> Iterable[str]:
    return breaking_changes(trial.before, trial.after, datetime.now(UTC).date())


GATES: Mapping[str, Gate] = {
    "lint": _lint,
    "examples": _examples,
    "facts": _facts,
    "reachability": _reachability,
    "compatibility": _compatibility,
}


class Court:
    """Tries mutants of one contract."""

    def __init__(self, contract: Contract, seen: list[Fact], uploads: Path) -> None:
        self._document = contract.document
        self._uploads = uploads
        self._change_scope = ChangeScope(contract.document.raw)
        self._facts = _by_operation(contract, seen)
        self._known = frozenset(lint(contract.document))
        self._promised = frozenset(promises(contract))
        self._shown = frozenset(shown(contract, seen))

    def evidence(self, mutant: Mutant) -> dict[str, str]:
        """The gates that see the mutant, each with what it says first."""
        raw = mutant.apply(self._document.raw)
        try:
            contract = self._start(self._with(raw))
        except ContractError as error:
            return {"start": str(error).splitlines()[0]}
        before, after = map(self._with, self._change_scope.parts(raw))
        facts = list(self._concerned(raw))
        trial = Trial(contract, before, after, facts, self._known, self._promised, self._shown)
        said = {name: next(iter(gate(trial)), None) for name, gate in GATES.items()}
        return {name: words for name, words in said.items() if words is not None}

    def _start(self, document: Document) -> Contract:
        """The contract as the service starts with it. Raises ContractError where the service refuses to."""
        # The whole takes a quarter of a second; what did not change was found valid before.
        check_document(self._with(self._change_scope.part(document.raw)))
        # Processes that share a folder wait for each other's uploads to begin; here nothing can wait.
        uploads = self._uploads / str(os.getpid())
        uploads.mkdir(exist_ok=True)
        contract = compile_contract(document, uploads)
        bind_handlers(document, contract.operations, handlers, dict.fromkeys(_dependencies()), {})
        return contract

    def _with(self, raw: Mapping[str, Any]) -> Document:
        # With the places of the true contract: mutants have no lines of their own.
        return replace(self._document, raw=dict(raw))

    def _concerned(self, raw: Mapping[str, Any]) -> Iterator[Fact]:
        concerned = self._change_scope.operations(raw)
        for operation, found in self._facts.items():
            if concerned is None or operation in concerned:
                yield from found


def _by_operation(contract: Contract, seen: Iterable[Fact]) -> Mapping[str, list[Fact]]:
    """Facts by the id of their operation, which is empty for those of none.

    Without those that the contract itself is at odds with: to tell of them is the oracle's business.
    """
    conformance, oracle = Conformance(contract), Oracle(contract)
    found: dict[str, list[Fact]] = defaultdict(list)
    for fact in seen:
        if not oracle.contradictions(fact):
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
