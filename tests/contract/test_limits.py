"""`x-rate-limit` beyond what is proved of every operation: who counts as one, and who has no limit."""

import re
from typing import Any

import pytest

Client = Any
RATE = re.compile(r'"default";r=(\d+);t=(\d+)')


def refused(client: Client, **headers: str) -> int:
    status: int = client.post("/login", json={}, headers=headers).status_code
    return status


def test_one_customers_many_addresses_have_one_limit(serve: Any) -> None:
    client = serve(trusted_proxies=1)
    addresses = [f"2001:db8:1:2::{number:x}" for number in range(6)]
    assert [refused(client, **{"X-Forwarded-For": a}) for a in addresses] == [400] * 5 + [429]


def test_reporting_counts_and_refuses_nothing(serve: Any) -> None:
    client = serve(rate_limits="report")
    assert [refused(client) for _ in range(7)] == [400] * 7
    assert RATE.fullmatch(client.post("/login", json={}).headers["RateLimit"])[1] == "0"


@pytest.mark.parametrize("path", ["/", "/docs", "/health/live", "/nothing"])
def test_what_has_no_limit_tells_of_none(path: str, service: Client) -> None:
    assert not {"ratelimit", "ratelimit-policy"} & service.get(path).headers.keys()
