"""What the contract declares and no answer of the suite has shown, and what an answer showed undeclared.

Run as `python -m tests.contract.gates.reachability FOLDER` over what a run of the whole suite has recorded.
"""

import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from stockroom.contract.conformance import OUTSIDE, Conformance
from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.problem_types import PROBLEM, problem_types
from tests.contract.gates.facts import Fact, read_facts


@dataclass(frozen=True, order=True)
class Promise:
    """That an operation, such as `GET /items`, answers with a status, and maybe something with that."""

    operation: str
    status: int
    what: str = ""

    def __str__(self) -> str:
        return f"{self.operation}: {self.status}{' with ' if self.what else ''}{self.what}"


# Whatever is no operation: no such path, no such method, no path or no end that can be read.
ELSEWHERE = "anything else"

# What need not be seen, each with its reason. Better is to take it out of the contract.
EXEMPTIONS: Mapping[Promise, str] = {}


def unseen(
    contract: Contract, facts: Iterable[Fact], exemptions: Mapping[Promise, str] = EXEMPTIONS
) -> list[str]:
    """Every promise of the contract that no fact keeps, and every exemption that exempts nothing."""
    declared, kept = promises(contract), set(shown(contract, facts))
    missing = [f"{promise} was never seen" for promise in sorted(declared - kept - exemptions.keys())]
    needless = [f"{promise} needs no exemption" for promise in sorted(exemptions.keys() - (declared - kept))]
    return missing + needless


def undeclared(contract: Contract, facts: Iterable[Fact]) -> list[str]:
    """Every answer that the contract does not declare.

    Facts that are not whole are passed over: they were held against the contract when they were recorded.
    """
    conformance = Conformance(contract)
    return [
        f"{fact.method} {fact.path} answered {fact.status}: {fault}"
        for fact in facts
        if fact.whole
        for fault in conformance.faults(
            fact.method, fact.path, fact.status, fact.answer_headers, fact.answer_body
        )
    ]


def promises(contract: Contract) -> set[Promise]:
    """Each status of each operation, and each media type, header and type of problem it may come with.

    HEAD is promised what GET is, where that is no error: the same headers, and no body.
    """
    return set(_declared(contract))


def _declared(contract: Contract) -> Iterator[Promise]:
    for operation in contract.operations.values():
        name = f"{operation.method} {operation.path}"
        for status, response in operation.responses.items():
            yield Promise(name, status)
            details = [*response.get("content", ()), *response.get("headers", ()), *problem_types(response)]
            for detail in details:
                yield Promise(name, status, detail.lower())
            if operation.method == "GET" and status < 400:
                for detail in ("", *response.get("headers", ())):
                    yield Promise(f"HEAD {operation.path}", status, detail.lower())
    for status, kinds in OUTSIDE.items():
        for detail in ("", PROBLEM, *kinds):
            yield Promise(ELSEWHERE, status, detail)


def shown(contract: Contract, facts: Iterable[Fact]) -> Iterator[Promise]:
    conformance = Conformance(contract)
    for fact in facts:
        operation = conformance.operation(fact.method, fact.path)
        name = f"{fact.method} {operation.path}" if operation and fact.status != 501 else ELSEWHERE
        yield Promise(name, fact.status)
        for detail in _details(fact):
            yield Promise(name, fact.status, detail)


def _details(fact: Fact) -> Iterator[str]:
    yield from fact.answer_headers
    media = fact.answer_headers.get("content-type", "").partition(";")[0]
    # HEAD names the media type of a body that it does not send.
    if fact.method != "HEAD":
        yield media
        if media == PROBLEM and fact.answer_body:
            yield orjson.loads(fact.answer_body)["type"]


def main(folder: Path) -> int:
    """Tell what is wrong, a line each; the exit status is 1 if anything is."""
    facts = read_facts(folder)
    with tempfile.TemporaryDirectory() as uploads:
        contract = load_contract(uploads=Path(uploads))
    faults = [*unseen(contract, facts), *undeclared(contract, facts)]
    told = len(promises(contract))
    print(*faults, f"{len(facts)} facts; {told} promises, {len(faults)} faults", sep="\n")  # noqa: T201 - a program speaks
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
