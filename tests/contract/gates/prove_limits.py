"""Proof of `x-rate-limit`: what counts, for whom, and what a refusal says (contract.md, wire forms)."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from typing import Any

import httpx

from stockroom.contract.contract import Contract
from stockroom.contract.operations import Operation, RateLimit
from tests.contract.gates.requests import examples_of, refused

Headers = dict[str, str]

RATE_LIMIT = re.compile(r'"default";r=(\d+);t=(\d+)')
# Limits that allow more than this are proved lowered: the proof would take minutes for nothing.
MOST = 60
LOWERED = 7


def lowered(contract: Contract) -> Contract:
    """The same contract, where limits of very many requests allow but a few in the same time."""
    operations = {name: lowered_operation(operation) for name, operation in contract.operations.items()}
    return replace(contract, operations=operations)


def lowered_operation(operation: Operation) -> Operation:
    rule = operation.rate_limit
    if rule is None or rule.quota <= MOST:
        return operation
    return replace(operation, rate_limit=replace(rule, quota=LOWERED))


def assert_told(rule: RateLimit, headers: Mapping[str, str], left: int) -> int:
    """The limit is told, with so many requests `left`; the seconds until it moves on."""
    assert headers.get("RateLimit-Policy") == f'"default";q={rule.quota};w={rule.window}'
    told = RATE_LIMIT.fullmatch(headers.get("RateLimit", ""))
    assert told, f"RateLimit is {headers.get('RateLimit')}"
    remaining, reset = map(int, told.groups())
    assert remaining == left, f"{remaining} requests are said to be left, and {left} are"
    assert 1 <= reset <= rule.window
    return reset


@dataclass(frozen=True)
class Limited:
    """An operation with a limit, and a `client` of a service that enforces it.

    `caller(user, address, scopes)` gives the headers of somebody who calls, each time in a new session.
    Nobody of that name has called before, nor has anybody from that address.
    """

    contract: Contract
    client: Any
    caller: Callable[..., Headers]
    operation: Operation

    @property
    def rule(self) -> RateLimit:
        assert self.operation.rate_limit, f"{self.operation.id} has no limit"
        return self.operation.rate_limit

    def prove(self) -> None:
        """Use the limit up, by requests that are refused above all; the next is refused for their number."""
        statuses = set()
        for sent, request in enumerate(islice(cycle(self._kinds()), self.rule.quota), start=1):
            answer = self._ask(request, "ada", "a")
            assert answer.status_code != 429, f"refused after {sent - 1} requests of {self.rule.quota}"
            assert_told(self.rule, answer.headers, left=self.rule.quota - sent)
            statuses.add(answer.status_code)
        assert statuses >= self._refusals(), f"only {statuses} came of requests that must be refused"
        for request in self._kinds():
            self._assert_refused(self._ask(request, "ada", "a"))
        self._prove_whose()
        self._prove_apart()

    def _kinds(self) -> Iterator[dict[str, Any]]:
        """A request as the contract shows it, and in each way that it is refused before anything is done."""
        example = next(examples_of(self.contract, self.operation))
        yield (shown := example.request())
        yield refused(example)
        if self.operation.bodies:
            yield shown | {"headers": shown["headers"] | {"Content-Type": "unheard/of"}}
        if self.operation.scopes:
            yield shown | {"scopes": ()}

    def _refusals(self) -> set[int]:
        kinds = {400: True, 415: self.operation.bodies, 403: self.operation.scopes}
        return {status for status, holds in kinds.items() if holds}

    def _ask(self, request: dict[str, Any], user: str, address: str) -> httpx.Response:
        caller = self.caller(user, address, request.get("scopes"))
        sent = {"headers": request["headers"] | caller, "content": request.get("content")}
        answer: httpx.Response = self.client.request(request["method"], request["url"], **sent)
        return answer

    def _assert_refused(self, answer: httpx.Response) -> None:
        assert answer.status_code == 429, f"beyond the limit it is {answer.status_code}"
        reset = assert_told(self.rule, answer.headers, left=0)
        assert reset <= int(answer.headers.get("Retry-After", 0)) <= self.rule.window
        assert answer.json()["type"] == "/problems/quota-exceeded"
        assert answer.json()["violated-policies"] == ["default"]

    def _prove_whose(self) -> None:
        """The user's at every address or the address's for every user, and nobody else's."""
        request = next(self._kinds())
        mine, others = {"user": (("ada", "b"), ("bob", "a")), "ip": (("bob", "a"), ("ada", "b"))}[
            self.rule.per
        ]
        self._assert_refused(self._ask(request, *mine))
        assert_told(self.rule, self._ask(request, *others).headers, left=self.rule.quota - 1)

    def _prove_apart(self) -> None:
        """Another operation still has all of its own limit for the same caller."""
        limited = [o for o in self.contract.operations.values() if o.rate_limit and o.id != self.operation.id]
        other = replace(self, operation=next(o for o in limited if o.rate_limit.per == self.rule.per))
        answer = other._ask(next(other._kinds()), "ada", "a")
        assert_told(other.rule, answer.headers, left=other.rule.quota - 1)
