"""A Redis that freezes: requests go on without it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from tests.redis_server import RedisServer


def write(client: Any, admin: dict[str, str], sku: str) -> None:
    assert client.post("/items", headers=admin, json={"sku": sku, "name": "Axe"}).status_code == 201


def count(client: Any, admin: dict[str, str]) -> int:
    answer = client.get("/summary", headers=admin)
    assert answer.status_code == 200
    found: int = answer.json()["items"]
    return found


def test_requests_go_on_without_it(
    serve: Any, sign_in: Any, start_redis: Callable[..., AbstractContextManager[RedisServer]]
) -> None:
    with start_redis() as redis:
        client, admin = serve(redis_url=redis.url), sign_in("admin")
        write(client, admin, "A0")
        assert count(client, admin) == count(client, admin) == 1
        with redis.frozen():
            for number in range(1, 20):
                write(client, admin, f"A{number}")
                assert count(client, admin) == number + 1
        assert count(client, admin) == 20
        write(client, admin, "A20")
        assert count(client, admin) == 21
