"""A fact together with the operation that it is about and the problem that it was answered with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from stockroom.contract.operations import Operation
from stockroom.contract.problems import MEDIA_TYPE
from tests.contract.gates.facts import Fact


@dataclass(frozen=True)
class Case:
    """`problem` is the body of a problem, and empty for any other answer; so is its `slug`."""

    operation: Operation
    fact: Fact
    problem: Mapping[str, Any]

    @property
    def slug(self) -> str:
        return slug_of(self.problem)

    @property
    def is_served(self) -> bool:
        return self.fact.status < 400


def problem_of(fact: Fact) -> Mapping[str, Any]:
    is_problem = fact.answer_headers.get("content-type") == MEDIA_TYPE and fact.answer_body
    problem: Mapping[str, Any] = orjson.loads(fact.answer_body) if is_problem else {}
    return problem


def slug_of(problem: Mapping[str, Any]) -> str:
    return str(problem.get("type", "")).removeprefix("/problems/")
