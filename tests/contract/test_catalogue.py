"""Problems: what is raised is in the catalogue, the other way round too, and operations tell of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import app
from stockroom import contract as runtime
from stockroom.contract.contract import Contract
from stockroom.contract.problems import Problem
from stockroom.domain.errors import DomainError

RAISED = re.compile(r'\b(?:Problem|Refusal)\(\s*(?:\d+,\s*)?"([a-z-]+)"')
# Answers to what is no operation, and to faults of ours.
GENERAL = {"method-not-allowed", "internal-error"}


def codes_of(kind: type[DomainError]) -> Iterator[str]:
    for error in kind.__subclasses__():
        yield error.code
        yield from codes_of(error)


def codes_raised() -> set[str]:
    modules = [Path(app.__file__), *Path(runtime.__path__[0]).glob("*.py")]
    found = {code for module in modules for code in RAISED.findall(module.read_text())}
    return found | set(codes_of(DomainError)) | {"internal-error"}


def test_the_catalogue_holds_what_is_raised_and_nothing_else(contract: Contract) -> None:
    assert codes_raised() == set(contract.catalogue.types)


def test_every_problem_is_told_of_by_an_operation(contract: Contract) -> None:
    told: set[str] = set()
    for operation in contract.operations.values():
        for status, response in operation.responses.items():
            mentioned = set(re.findall(r"`([a-z-]+)`", response["description"])) & set(
                contract.catalogue.types
            )
            assert {contract.catalogue.types[code].status for code in mentioned} <= {status}, operation.id
            assert bool(mentioned) == (status >= 400), (operation.id, status)
            told |= mentioned
    assert told | GENERAL == set(contract.catalogue.types)


def test_a_problems_type_is_a_page_that_tells_of_it(service: Any, contract: Contract) -> None:
    listed = service.get("/problems").json()["problems"]
    assert [kind["type"] for kind in listed] == [f"/problems/{slug}" for slug in contract.catalogue.types]
    for kind in listed:
        assert service.get(kind["type"]).json() == kind


def test_a_problem_stays_within_its_bounds(contract: Contract) -> None:
    errors = [{"detail": "no", "pointer": f"/{number}"} for number in range(100)]
    problem = Problem("validation-failed", "x" * 5_000, errors=errors)
    body = contract.catalogue.render(problem, "/" + "x" * 5_000)
    assert len(body) < 5_000
