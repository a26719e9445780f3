"""Whether a contract is true of what was seen: requests and their answers are held against what it says.

`python -m tests.contract.gates.oracle FOLDER` holds the facts in a folder against the contract as it is.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.problems import Problem
from tests.contract.gates.facts import Fact, read_facts
from tests.contract.gates.links import links_of
from tests.contract.gates.oracle.admission import admit, parameters_of
from tests.contract.gates.oracle.cases import Case, problem_of, slug_of
from tests.contract.gates.oracle.promises import broken_promises
from tests.contract.gates.oracle.refusals import wrongly_answered, wrongly_refused
from tests.contract.gates.requests import Example


def contradictions(contract: Contract, fact: Fact) -> list[str]:
    """What of `fact` cannot have happened if `contract` is true."""
    return Oracle(contract).contradictions(fact)


class Oracle:
    """Holds facts against one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._conformance = Conformance(contract)
        self._links = [*links_of(contract)]

    def contradictions(self, fact: Fact) -> list[str]:
        """What of `fact` cannot have happened; nothing is said of one whose bodies were not kept."""
        return list(self._contradictions(fact)) if fact.whole else []

    def _contradictions(self, fact: Fact) -> Iterator[str]:
        yield from self._conformance.faults(
            fact.method, fact.path, fact.status, fact.answer_headers, fact.answer_body
        )
        problem = problem_of(fact)
        if problem:
            yield from self._uncatalogued(fact, problem)
        operation = self._conformance.operation(fact.method, fact.path)
        if operation is None or fact.status == 501:
            yield from self._outside(fact)
        else:
            yield from self._of_operation(Case(operation, fact, problem))

    def _of_operation(self, case: Case) -> Iterator[str]:
        try:
            values = admit(case.operation, case.fact)
        except Problem as problem:
            yield from wrongly_answered(case, problem, self._contract.catalogue)
            yield from broken_promises(case, None, problem.code)
        else:
            yield from wrongly_refused(case, values)
            yield from broken_promises(case, values, None)
            yield from self._dangling(case)

    def _dangling(self, case: Case) -> Iterator[str]:
        """Links that find nothing in the answer that they start from."""
        if case.fact.status != case.operation.success or case.fact.method == "HEAD":
            return
        fact = case.fact
        asked = Example(case.operation, parameters=parameters_of(case.operation, fact))
        answer = httpx.Response(fact.status, headers=fact.answer_headers, content=fact.answer_body)
        for link in self._links:
            if link.source == case.operation.id:
                try:
                    link.follow(asked, asked, answer)
                except LookupError as error:
                    yield str(error)

    def _outside(self, fact: Fact) -> Iterator[str]:
        """Contradictions in the answer to what is no operation (RFC 9110, 15.5.5 and 15.5.6)."""
        methods = ", ".join(self._contract.routes.methods_at(fact.path))
        status = 405 if methods else 404
        if fact.status not in (status, 400, 501):  # It may not be readable at all.
            yield f"there is no such {'method' if methods else 'path'}, and the answer is {fact.status}"
        elif fact.status == 405 and fact.answer_headers.get("allow") != methods:
            yield f"the path has {methods}, and Allow is {fact.answer_headers.get('allow')}"

    def _uncatalogued(self, fact: Fact, problem: Mapping[str, Any]) -> Iterator[str]:
        slug = slug_of(problem)
        kind = self._contract.catalogue.types.get(slug)
        if kind is None:
            yield f"the problem {slug} is not in the catalogue"
        elif (problem["title"], problem["status"], fact.status) != (kind.title, kind.status, kind.status):
            yield f"the problem {slug} is {fact.status} {problem['title']!r}, and not so in the catalogue"


def main(folder: Path) -> int:
    """Tell every contradiction; the exit code is 1 when there is one, or nothing was seen."""
    facts = read_facts(folder)
    with tempfile.TemporaryDirectory() as uploads:
        oracle = Oracle(load_contract(Path(uploads)))
        found = [
            f"{fact.method} {fact.path}: {contradiction}"
            for fact in facts
            for contradiction in oracle.contradictions(fact)
        ]
    print(*found, f"{len(found)} contradictions in {len(facts)} facts.", sep="\n")  # noqa: T201 - a program speaks here
    return 1 if found or not facts else 0
