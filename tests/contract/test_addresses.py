"""Who is asking: the address that limits count by, which a client must not be able to choose."""

from typing import Any

import pytest

from stockroom.http.addresses import client_of, network_of
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
        pytest.param(1, ["203.0.113.9:4711"], "203.0.113.9", id="a port"),
        pytest.param(1, ["1.1.1.1:1, 203.0.113.9:"], "203.0.113.9", id="a port that is left out"),
        pytest.param(2, ["203.0.113.9:1, 10.0.0.2:2"], "203.0.113.9", id="two proxies that give ports"),
        pytest.param(1, ["[2001:db8::1]:4711"], "2001:db8::1", id="IPv6 with a port"),
        pytest.param(1, ["[2001:db8::1]"], "2001:db8::1", id="IPv6 in brackets"),
        pytest.param(1, ["2001:DB8:0::1"], "2001:db8::1", id="IPv6 written otherwise"),
        pytest.param(1, ["fe80::1%eth0"], "fe80::1", id="a zone"),
        pytest.param(1, ["unknown"], PEER, id="a proxy that does not know"),
        pytest.param(1, ["203.0.113.9, <script>"], PEER, id="what is no address"),
        pytest.param(1, ["203.0.113.9:http"], PEER, id="what is no port"),
        pytest.param(1, ["[203.0.113.9"], PEER, id="half a bracket"),
    ],
)
def test_only_what_our_own_proxies_say_is_believed(proxies: int, forwarded: list[str], address: str) -> None:
    headers = [("X-Forwarded-For", value) for value in forwarded]
    assert client_of(scope_of("GET", "/", headers), proxies) == address


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


@pytest.mark.parametrize(
    "entry", ["203.0.113.9:{}", "[2001:db8::1]:{}", "2001:db8::1:{}", "[2001:db8::{}]:1"]
)
def test_ports_make_no_new_callers(serve: Any, entry: str) -> None:
    client = serve(trusted_proxies=1)
    answers = [
        client.post("/login", json={}, headers={"X-Forwarded-For": entry.format(4711 + number)}).status_code
        for number in range(6)
    ]
    assert answers == [400] * 5 + [429]


def test_proxies_that_give_no_address_make_no_new_callers(serve: Any) -> None:
    client = serve(trusted_proxies=1)
    answers = [
        client.post("/login", json={}, headers={"X-Forwarded-For": f"_hidden{number}"}).status_code
        for number in range(6)
    ]
    assert answers == [400] * 5 + [429]
