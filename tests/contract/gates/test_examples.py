"""Every request that the contract shows succeeds, and every link leads where it says."""

from pathlib import Path
from tempfile import gettempdir

import pytest

from stockroom.contract.contract import load_contract
from tests.contract.gates.links import Link, links_of
from tests.contract.gates.requests import Example, examples_of
from tests.contract.gates.world import World

CONTRACT = load_contract(uploads=Path(gettempdir()))
EXAMPLES = [
    example for operation in CONTRACT.operations.values() for example in examples_of(CONTRACT, operation)
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_request_that_the_contract_shows_succeeds(example: Example, world: World) -> None:
    # What it answers is held against the contract by the client.
    world.succeed(world.prepare(example))


@pytest.mark.parametrize("link", list(links_of(CONTRACT)), ids=str)
def test_a_link_leads_to_what_succeeds(link: Link, world: World) -> None:
    world.succeed(world.follow(link, world.first(link.target)))
