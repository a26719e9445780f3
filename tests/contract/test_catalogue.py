"""Problems: what is raised is in the catalogue, the other way round too, and operations tell of it."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import handlers
from stockroom import contract, http
from stockroom.contract.contract import Contract
from stockroom.contract.problem_types import problem_types
from stockroom.contract.problems import Problem
from stockroom.errors import DomainError

RAISED = re.compile(r'\b(?:Problem|Refusal)\(\s*"([a-z-]+)"')
ROOMS = (contract, http, handlers)
# Answers to what is no operation, and to faults of ours.
GENERAL = {"method-not-allowed", "unknown-method", "unknown-transfer-coding", "internal-error"}


def slugs(types: Iterable[str]) -> set[str]:
    return {kind.removeprefix("/problems/") for kind in types}


def codes_of(kind: type[DomainError]) -> Iterator[str]:
    for error in kind.__subclasses__():
        yield error.code
        yield from codes_of(error)


def codes_raised() -> set[str]:
    modules = [path for room in ROOMS for path in Path(room.__path__[0]).glob("*.py")]
    found = {code for module in modules for code in RAISED.findall(module.read_text())}
    return found | set(codes_of(DomainError)) | {"internal-error"}


def test_the_catalogue_holds_what_is_raised_and_nothing_else(contract: Contract) -> None:
    assert codes_raised() == set(contract.catalogue.types)


def test_every_problem_is_declared_by_an_operation(contract: Contract) -> None:
    declared: set[str] = set()
    for operation in contract.operations.values():
        for status, response in operation.responses.items():
            kinds = slugs(problem_types(response))
            assert bool(kinds) == (status >= 400), (operation.id, status)
            declared |= kinds
    assert declared | GENERAL == set(contract.catalogue.types)


def test_what_a_response_says_of_its_problems_is_what_it_declares(contract: Contract) -> None:
    any_400 = {"malformed-request", "validation-failed"}
    for operation in contract.operations.values():
        for status, response in operation.responses.items():
            words = response["description"]
            told = set(re.findall(r"`([a-z-]+)`", words)) & set(contract.catalogue.types)
            told |= any_400 if words.startswith("As any 400") else set()
            assert told == slugs(problem_types(response)), (operation.id, status)


def test_a_problems_type_is_a_page_that_tells_of_it(service: Any, contract: Contract) -> None:
    listed = service.get("/problems").json()["problems"]
    assert [kind["type"] for kind in listed] == [f"/problems/{slug}" for slug in contract.catalogue.types]
    for kind in listed:
        assert service.get(kind["type"]).json() == kind


def test_what_is_no_type_of_problem_is_not_found(service: Any) -> None:
    assert service.get("/problems/nonsense").json()["type"] == "/problems/not-found"


def test_a_problem_stays_within_its_bounds(contract: Contract) -> None:
    errors = [{"detail": "no", "pointer": f"/{number}"} for number in range(100)]
    problem = Problem("validation-failed", "x" * 5_000, errors=errors)
    body = contract.catalogue.render(problem, "/" + "x" * 5_000)
    assert len(body) < 5_000
