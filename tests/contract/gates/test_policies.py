"""Limits, caching, preconditions and idempotency: all that the contract declares of them is provoked."""

from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import pytest

from stockroom.contract.contract import load_contract
from stockroom.contract.operations import IDEMPOTENCY_KEY, IF_NONE_MATCH, Operation
from tests.contract.gates.prove_limits import Limited
from tests.contract.gates.prove_reads import Cached, prove_if_none_match
from tests.contract.gates.prove_variants import prove_variants
from tests.contract.gates.prove_writes import prove_idempotency, prove_if_match, prove_in_flight
from tests.contract.gates.world import World

OPERATIONS = load_contract(uploads=Path(gettempdir())).operations.values()


def declared(policy: Callable[[Operation], object]) -> list[str]:
    """The operations for which the contract declares a policy."""
    return [operation.id for operation in OPERATIONS if policy(operation)]


@pytest.mark.parametrize("operation", declared(lambda operation: operation.rate_limit))
def test_a_limit_holds(operation: str, limited: Callable[..., Limited]) -> None:
    limited(operation).prove()


def test_limits_are_told_as_they_are_declared(sqlite_world: World) -> None:
    """The proof of a limit may run with a lower one; here each is the contract's own."""
    for operation in declared(lambda operation: operation.rate_limit):
        # Each in a new session, for some end theirs.
        answer = sqlite_world.by("keeper").send(example := sqlite_world.first(operation))
        rule = example.operation.rate_limit
        assert rule
        assert answer.headers["RateLimit-Policy"] == f'"default";q={rule.quota};w={rule.window}', operation


@pytest.mark.parametrize("operation", declared(lambda operation: operation.takes(IF_NONE_MATCH)))
def test_what_a_client_has_already_is_not_sent_again(operation: str, world: World) -> None:
    prove_if_none_match(world, world.contract.operations[operation])


@pytest.mark.parametrize("operation", declared(lambda operation: operation.method == "GET"))
def test_a_read_is_answered_in_all_its_variants(operation: str, sqlite_world: World) -> None:
    prove_variants(sqlite_world, sqlite_world.contract.operations[operation])


@pytest.mark.parametrize("operation", declared(lambda operation: operation.cache))
def test_an_answer_is_kept_for_its_time_and_for_whom_it_is(operation: str, cached: Cached) -> None:
    cached.prove(cached.here.contract.operations[operation])


@pytest.mark.parametrize("operation", declared(lambda operation: operation.takes("if_match")))
def test_a_change_needs_the_state_that_it_changes(operation: str, world: World) -> None:
    prove_if_match(world, world.contract.operations[operation])


@pytest.mark.parametrize("operation", declared(lambda operation: operation.takes(IDEMPOTENCY_KEY)))
def test_the_same_again_is_answered_and_not_done(operation: str, world: World) -> None:
    prove_idempotency(world, world.contract.operations[operation])


@pytest.mark.parametrize("operation", declared(lambda operation: operation.takes(IDEMPOTENCY_KEY)))
def test_of_the_same_at_once_one_is_done(operation: str, world: World) -> None:
    prove_in_flight(world, world.contract.operations[operation])
