"""Limits, caching, preconditions and idempotency: all that the contract declares of them is provoked."""

from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

import pytest

from stockroom.contract.contract import load_contract
from stockroom.contract.operations import Operation
from tests.contract.gates.prove_limits import Limited

OPERATIONS = load_contract(uploads=Path(gettempdir())).operations.values()


def declared(policy: Callable[[Operation], object]) -> list[str]:
    """The operations for which the contract declares a policy."""
    return [operation.id for operation in OPERATIONS if policy(operation)]


@pytest.mark.parametrize("operation", declared(lambda operation: operation.rate_limit))
def test_a_limit_holds(operation: str, limited: Callable[..., Limited]) -> None:
    limited(operation).prove()
