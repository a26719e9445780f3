"""Who is asking: the address that limits count by, which a client must not be able to choose."""

from typing import Any

import pytest
from starlette.applications import Starlette

from stockroom.contract.problems import Catalogue
from stockroom.http.guard import Guard
from stockroom.http.limits import network_of
from tests.contract.asgi import scope_of

PEER = "192.0.2.1"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        pytest.param(0, [], PEER, id="no proxy"),
        pytest.param(0, ["203.0.113.9"], PEER, id="no proxy, and a header that pretends one"),
        pytest.param(1, ["203.0.113.9"], "203.0.113.9", id="one proxy"),
        pytest.param(1, ["1.1.1.1, 203.0.113.9"], "203.0.113.9", id="one proxy behind a pretended one"),
        pytest.param(1, ["1.1.1.1", "203.0.113.9"], "203.0.113.9", id="a pretended one in a line of its own"),
        pytest.param(1, [], PEER, id="one proxy passed by"),
        pytest.param(2, ["203.0.113.9, 10.0.0.2"], "203.0.113.9", id="two proxies"),
        pytest.param(
            2, ["1.1.1.1,2.2.2.2 ,203.0.113.9,10.0.0.2"], "203.0.113.9", id="two, and pretended ones"
        ),
        pytest.param(2, ["203.0.113.9"], PEER, id="two proxies, one passed by"),
    ],
)
def test_only_what_our_own_proxies_say_is_believed(proxies: int, forwarded: list[str], address: str) -> None:
    guard = Guard(Starlette(), Catalogue(), lambda error: None, proxies)
    headers = [("X-Forwarded-For", value) for value in forwarded]
    assert guard._client(scope_of("GET", "/", headers)) == address


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_one_customer_has_to_himself_counts_as_one_address(client: str, network: str) -> None:
    assert network_of(client) == network


def test_pretending_to_be_somebody_else_does_not_widen_a_limit(client: Any) -> None:
    answers = [
        client.post("/login", json={}, headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code
        for number in range(6)
    ]
    assert answers == [400] * 5 + [429]
