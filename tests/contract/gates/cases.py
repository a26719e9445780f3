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

    @classmethod
    def of(cls, operation: Operation, fact: Fact) -> "Case":
        is_problem = fact.answer_headers.get("content-type") == MEDIA_TYPE and fact.answer_body
        return cls(operation, fact, orjson.loads(fact.answer_body) if is_problem else {})

    @property
    def slug(self) -> str:
        return str(self.problem.get("type", "")).removeprefix("/problems/")

    @property
    def is_served(self) -> bool:
        return self.fact.status < 400
