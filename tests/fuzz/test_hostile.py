"""The hostile corpus against the running service: whatever is sent, a declared answer comes."""

import os
from typing import Any

import httpx
import pytest

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.contract.operations import Operation
from tests.contract.conftest import new_token
from tests.fuzz.hostile import health
from tests.fuzz.hostile.corpus import Corpus, plain_requests
from tests.fuzz.hostile.siege import Siege
from tests.fuzz.stock import changes_own_account

# What `make fuzz` asks for has other seeds, and time to be measured.
FUZZ = os.environ.get("STOCKROOM_TEST_FUZZ") is not None
SEED = os.urandom(4).hex() if FUZZ else "1"
# Both databases get one half of the 10,000.
NUMBERS = {"sqlite": range(5_000), "postgresql": range(5_000, 10_000)}
# Seconds.
ALIVE_WITHIN = 0.2


def test_no_attack_goes_without_a_declared_answer(
    stocked: Any, contract: Contract, request: pytest.FixtureRequest
) -> None:
    with httpx.Client(base_url=stocked.url, headers={"Authorization": authorize()}) as client:
        corpus = Corpus(SEED, plain_requests(contract, client), authorize)
    siege = Siege(stocked.url, corpus, Conformance(contract))
    with health.taken(stocked.url) as pulse:
        siege.lay(NUMBERS[request.node.callspec.params["database_url"]])
    print(f"seed {SEED}: {siege.statuses}; alive within {max(pulse.seconds):.3f} s")  # noqa: T201 - for who asks to see it
    assert not siege.findings, "\n".join(siege.findings)
    assert stocked.log() == ""  # Above all no stack traces.
    assert pulse.faults == []
    # Elsewhere other programs may want the processor, too.
    assert not FUZZ or max(pulse.seconds) < ALIVE_WITHIN


def authorize(operation: Operation | None = None, number: int = 0) -> str:
    """An administrator's token; who may end a session has one of their own."""
    if operation and changes_own_account(operation):
        return f"Bearer {new_token('clerk', 'clerk', session=str(number))}"
    return f"Bearer {new_token('admin')}"
