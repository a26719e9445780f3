"""The corpus leaves no operation and no kind of attack out, and can be repeated."""

from collections.abc import Callable

import httpx
import pytest

from stockroom.contract.contract import Contract
from tests.fuzz.hostile import bodies, uploads
from tests.fuzz.hostile.corpus import EVERYWHERE, Corpus, plain_requests

NewCorpus = Callable[[str], Corpus]


@pytest.fixture
def new_corpus(contract: Contract) -> NewCorpus:
    """Make the corpus of a seed, for a service with nothing in it."""

    def nothing(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={request.url.path.rpartition("/")[2]: []})

    with httpx.Client(transport=httpx.MockTransport(nothing), base_url="http://stockroom.test") as client:
        plains = plain_requests(contract, client)
    return lambda seed: Corpus(seed, plains, lambda operation, number: "Bearer x")


def test_each_operation_meets_each_kind_of_attack_it_can_have(
    new_corpus: NewCorpus, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = new_corpus("1")
    met: dict[str, set[str]] = {}
    for number in range(10_000):
        attack = corpus.attack(number)
        met.setdefault(corpus.operation(number).id, set()).add(attack.family)
    assert met.keys() == contract.operations.keys()
    # Some kinds have several names.
    assert min(map(len, met.values())) >= len(EVERYWHERE) * 2 // 3
    everywhere = set.intersection(*met.values())
    assert len(set.union(*met.values()) - everywhere) >= len(bodies.FAMILIES) + len(uploads.FAMILIES)


def test_a_number_of_a_seed_is_always_the_same_attack(new_corpus: NewCorpus) -> None:
    first, again, other = new_corpus("1"), new_corpus("1"), new_corpus("2")
    assert [first.attack(n) for n in range(200)] == [again.attack(n) for n in range(200)]
    assert [first.attack(n) for n in range(200)] != [other.attack(n) for n in range(200)]
