"""The proofs of policies fail where a service does not do what the contract declares."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Any

import pytest

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.contract.operations import Operation
from stockroom.http.cache import AnswerCache
from stockroom.http.conditional import conditional
from stockroom.http.context import RequestContext
from stockroom.http.idempotency import IdempotencyKey, key_of
from stockroom.http.replies import Reply
from tests.contract.gates.conftest import NewHome
from tests.contract.gates.home import Home
from tests.contract.gates.prove_limits import Limited, lowered
from tests.contract.gates.prove_reads import Cached, prove_if_none_match
from tests.contract.gates.prove_variants import prove_variants
from tests.contract.gates.prove_writes import prove_idempotency, prove_if_match, prove_in_flight
from tests.contract.gates.world import World
from tests.witness import Witness

ITEM, ARCHIVE, RECORD = "handlers.items.read", "handlers.items.archive", "handlers.movements.record"
LOGIN, ME, SUMMARY = "handlers.auth.login", "handlers.me.read", "handlers.summary.read"
LIST = "handlers.items.list_items"

Tamper = Callable[[dict[str, str]], Mapping[str, str]]

pytestmark = pytest.mark.usefixtures("unrecorded")


@dataclass(frozen=True)
class Tampering:
    """A client of a service that takes other headers than were sent."""

    client: Any
    tamper: Tamper

    def request(self, method: str, url: str, headers: dict[str, str], **options: Any) -> Any:
        return self.client.request(method, url, headers=self.tamper(headers), **options)


def tampered(world: World, tamper: Tamper) -> World:
    return replace(
        world, home=Home(Tampering(world.home.client, tamper), world.home.database, world.home.settings)
    )


@pytest.fixture
def broken(new_home: NewHome, new_sqlite: Callable[[], str], contract: Contract) -> Callable[..., Home]:
    """Start a service that runs an operation otherwise than the contract declares it."""

    def broken(operation: str, url: str | None = None, limits: str = "enforce", **changes: Any) -> Home:
        told = lowered(contract)
        other = replace(told.operations[operation], **changes)
        runs = replace(told, operations={**told.operations, operation: other})
        return new_home(url or new_sqlite(), runs, rate_limits=limits, trusted_proxies=1)

    return broken


def without(contract: Contract, operation: str, argument: str) -> Any:
    """The parameters of an operation but one."""
    return tuple(p for p in contract.operations[operation].parameters if p.argument != argument)


# Limits


def test_no_limit_is_found_out(broken: Any, limited: Callable[..., Limited]) -> None:
    with pytest.raises(AssertionError):
        limited(ME, broken(ME, rate_limit=None)).prove()


def test_a_limit_that_is_not_enforced_is_found_out(broken: Any, limited: Callable[..., Limited]) -> None:
    with pytest.raises(AssertionError, match="beyond the limit it is"):
        limited(ME, broken(ME, limits="report")).prove()


def test_a_limit_that_is_another_ones_is_found_out(
    broken: Any, limited: Callable[..., Limited], contract: Contract
) -> None:
    by_address = replace(lowered(contract).operations[ME].rate_limit, per="ip")
    with pytest.raises(AssertionError, match="beyond the limit it is"):
        limited(ME, broken(ME, rate_limit=by_address)).prove()


def test_refused_requests_that_do_not_count_are_found_out(limited: Callable[..., Limited]) -> None:
    def elsewhere(headers: dict[str, str]) -> dict[str, str]:
        wrong = headers.get("Content-Type") == "unheard/of"
        return headers | {"X-Forwarded-For": str(IPv6Address(uuid.uuid4().int))} if wrong else headers

    proof = limited(LOGIN)
    with pytest.raises(AssertionError, match="requests are said to be left"):
        replace(proof, client=Tampering(proof.client, elsewhere)).prove()


# Reads


def test_a_precondition_of_a_read_that_is_ignored_is_found_out(broken: Any, contract: Contract) -> None:
    home = broken(ITEM, parameters=without(contract, ITEM, "if_none_match"))
    with pytest.raises(AssertionError, match="is answered 200"):
        prove_if_none_match(World(contract, home), contract.operations[ITEM])


def test_an_answer_that_is_not_sent_to_who_needs_it_is_found_out(sqlite_world: World) -> None:
    def unread(headers: dict[str, str]) -> dict[str, str]:
        return {name: "*" if name == "If-None-Match" else value for name, value in headers.items()}

    with pytest.raises(AssertionError, match="is not what one has"):
        prove_if_none_match(tampered(sqlite_world, unread), sqlite_world.contract.operations[ITEM])


def test_a_read_that_no_write_changes_is_found_out(sqlite_world: World) -> None:
    reader = sqlite_world.by("bob", scopes=("items:read",))
    with pytest.raises(AssertionError, match="it still is 304"):
        prove_if_none_match(reader, reader.contract.operations[LIST])


def test_a_header_that_a_304_has_and_does_not_declare_is_found_out(
    sqlite_world: World, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a page that is not the last has a Link."""
    listed = contract.operations[LIST]
    told = replace(listed, responses={**listed.responses, 304: contract.operations[ITEM].responses[304]})
    witness = Witness(Conformance(replace(contract, operations={**contract.operations, LIST: told})))
    monkeypatch.setattr(sqlite_world.home.client, "_witness", witness)
    with pytest.raises(AssertionError, match=r"answered 304: .*the header link is not declared"):
        prove_variants(sqlite_world, listed)


def test_a_header_that_a_304_lacks_is_found_out(sqlite_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def conditional_without_link(reply: Reply, arguments: Mapping[str, Any]) -> Reply:
        answer = conditional(reply, arguments)
        if answer.status != 304:
            return answer
        return replace(answer, headers={k: v for k, v in answer.headers.items() if k != "Link"})

    monkeypatch.setattr("stockroom.http.bridge.conditional", conditional_without_link)
    with pytest.raises(AssertionError, match="which is known"):
        prove_variants(sqlite_world, sqlite_world.contract.operations[LIST])


def test_a_head_that_has_other_headers_is_found_out(sqlite_world: World) -> None:
    negotiated = sqlite_world.contract.operations["handlers.service.welcome"]
    client = sqlite_world.home.client

    class Client:
        """Asks for the head of another media type."""

        def request(self, method: str, url: str, headers: dict[str, str], **options: Any) -> Any:
            asked = headers | ({"Accept": "text/html"} if method == "HEAD" else {})
            return client.request(method, url, headers=asked, **options)

    home = replace(sqlite_world.home, client=Client())
    with pytest.raises(AssertionError, match=f"HEAD of {negotiated.id}"):
        prove_variants(replace(sqlite_world, home=home), negotiated)


def test_a_kept_answer_that_no_write_changes_is_found_out(cached: Cached, contract: Contract) -> None:
    reader = cached.elsewhere.by("bob", scopes=("stock:read",))
    with pytest.raises(AssertionError, match="no example of a write changes it"):
        replace(cached, elsewhere=reader).prove(contract.operations[SUMMARY])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda policy: None, "max-age", id="never"),
        pytest.param(lambda policy: replace(policy, seconds=120), "max-age", id="for longer"),
        pytest.param(lambda policy: replace(policy, vary=()), "by role it is shared", id="for anybody"),
        pytest.param(lambda policy: replace(policy, vary=("user",)), "by user it is not", id="for one alone"),
    ],
)
def test_an_answer_that_is_kept_otherwise_is_found_out(
    change: Callable[[Any], Any], message: str, broken: Any, cached: Cached, contract: Contract
) -> None:
    operation = contract.operations[SUMMARY]
    url = cached.elsewhere.home.database.url
    here = World(contract, broken(SUMMARY, url, cache=change(operation.cache)))
    with pytest.raises(AssertionError, match=message):
        replace(cached, here=here).prove(operation)


def test_an_answer_that_outlives_a_write_is_found_out(
    cached: Cached, contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget_nothing(cache: AnswerCache) -> None:
        pass

    monkeypatch.setattr(AnswerCache, "forget_all", forget_nothing)
    with pytest.raises(AssertionError, match="it is still kept after"):
        cached.prove(contract.operations[SUMMARY])


# Writes


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda headers: {"If-Match": "*"} | headers, id="not needed"),
        pytest.param(
            lambda headers: headers | ({"If-Match": "*"} if "If-Match" in headers else {}), id="not read"
        ),
    ],
)
def test_a_precondition_of_a_write_that_is_ignored_is_found_out(tamper: Tamper, sqlite_world: World) -> None:
    with pytest.raises(AssertionError):
        prove_if_match(tampered(sqlite_world, tamper), sqlite_world.contract.operations[ARCHIVE])


def test_a_key_that_is_ignored_is_found_out(broken: Any, contract: Contract) -> None:
    world = World(contract, broken(RECORD, parameters=without(contract, RECORD, "idempotency_key")))
    with pytest.raises(AssertionError, match="with the key"):
        prove_idempotency(world, contract.operations[RECORD])


def test_two_at_once_that_do_not_know_of_each_other_are_found_out(broken: Any, contract: Contract) -> None:
    world = World(contract, broken(RECORD, parameters=without(contract, RECORD, "idempotency_key")))
    with pytest.raises(AssertionError, match="0 have ended"):
        prove_in_flight(world, contract.operations[RECORD], patience=0.2)


@pytest.mark.parametrize("shared", ["caller", "operation"])
def test_a_key_that_others_have_too_is_found_out(
    shared: str, sqlite_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key_of_all(operation: Operation, context: RequestContext) -> IdempotencyKey | None:
        key = key_of(operation, context)
        return key and replace(key, **{shared: "all"})

    monkeypatch.setattr("stockroom.http.dispatch.key_of", key_of_all)
    with pytest.raises(AssertionError, match="others"):
        prove_idempotency(sqlite_world, sqlite_world.contract.operations[RECORD])
