"""`x-rate-limit` on the wire: what counts, for whom, and what a refusal says."""

import re
from typing import Any

import pytest

from tests.contract.conftest import new_token

Client = Any
RATE = re.compile(r'"default";r=(\d+);t=(\d+)')


def refused(client: Client, **headers: str) -> int:
    status: int = client.post("/login", json={}, headers=headers).status_code
    return status


def test_the_sixth_login_in_a_minute_is_refused_and_told_when_to_come_back(client: Client) -> None:
    left = []
    for _ in range(5):
        answer = client.post("/login", json={})
        assert answer.status_code == 400
        assert answer.headers["RateLimit-Policy"] == '"default";q=5;w=60'
        left.append(RATE.fullmatch(answer.headers["RateLimit"])[1])
        assert "Retry-After" not in answer.headers
    assert left == ["4", "3", "2", "1", "0"]
    answer = client.post("/login", json={})
    assert answer.status_code == 429
    assert answer.headers["RateLimit-Policy"] == '"default";q=5;w=60'
    remaining, reset = RATE.fullmatch(answer.headers["RateLimit"]).groups()
    assert remaining == "0"
    assert 1 <= int(reset) <= int(answer.headers["Retry-After"]) <= 60
    assert answer.json() == {
        "type": "/problems/quota-exceeded",
        "title": "Too many requests",
        "status": 429,
        "detail": "5 requests in 60 seconds are allowed here.",
        "instance": "/login",
        "violated-policies": ["default"],
    }


def test_refused_requests_of_every_kind_count(client: Client) -> None:
    nobody = {"username": "nobody", "password": "correct horse battery staple"}
    statuses = [
        client.post("/login", json=nobody).status_code,
        client.post("/login", json={}).status_code,
        client.post("/login", content=b"{").status_code,
        client.post("/login", headers={"Content-Type": "application/json"}, content=b"{").status_code,
        client.post("/login?x=1", json=nobody).status_code,
        client.post("/login", json=nobody).status_code,
    ]
    assert statuses == [401, 400, 415, 400, 400, 429]


def test_another_address_has_a_limit_of_its_own(serve: Any) -> None:
    client = serve(trusted_proxies=1)
    first, second = {"X-Forwarded-For": "203.0.113.1"}, {"X-Forwarded-For": "203.0.113.2"}
    assert [refused(client, **first) for _ in range(6)] == [400] * 5 + [429]
    assert refused(client, **second) == 400


def test_one_customers_many_addresses_have_one_limit(serve: Any) -> None:
    client = serve(trusted_proxies=1)
    addresses = [f"2001:db8:1:2::{number:x}" for number in range(6)]
    assert [refused(client, **{"X-Forwarded-For": a}) for a in addresses] == [400] * 5 + [429]


def test_operations_do_not_share_limits(client: Client) -> None:
    assert [refused(client) for _ in range(6)][-1] == 429
    assert client.post("/register", json={}).status_code == 400


def test_reporting_counts_and_refuses_nothing(serve: Any) -> None:
    client = serve(rate_limits="report")
    assert [refused(client) for _ in range(7)] == [400] * 7
    assert RATE.fullmatch(client.post("/login", json={}).headers["RateLimit"])[1] == "0"


def test_a_user_has_one_limit_whatever_the_session(client: Client, sign_in: Any) -> None:
    def change(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        status: int = client.put("/me/password", headers=headers, json={}).status_code
        return status

    for name in ("ada", "bob"):
        sign_in("clerk", name)
    tokens = [new_token("ada", "clerk", session=str(number)) for number in range(6)]
    assert [change(token) for token in tokens] == [400] * 5 + [429]
    assert change(new_token("bob", "clerk")) == 400


def test_what_a_role_may_not_do_counts_for_its_user(client: Client) -> None:
    viewer = {"Authorization": f"Bearer {new_token('eve', 'viewer')}"}
    left = [
        RATE.fullmatch(client.post("/items", headers=viewer, json=body).headers["RateLimit"])[1]
        for body in ({}, {"sku": "A1", "name": "Axe"})
    ]
    assert left == ["299", "298"]


@pytest.mark.parametrize("path", ["/", "/docs", "/health/live", "/nothing"])
def test_what_has_no_limit_tells_of_none(path: str, service: Client) -> None:
    assert not {"ratelimit", "ratelimit-policy"} & service.get(path).headers.keys()
