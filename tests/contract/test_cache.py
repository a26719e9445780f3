"""`x-cache`: answers are kept in JSON, for whom the contract says, and a cache that fails is no cache."""

import pickle
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from flask import Flask
from flask_caching import Cache

from stockroom.contract.cache import AnswerCache
from stockroom.contract.contract import Contract
from stockroom.contract.exchange import Exchange
from stockroom.contract.operations import CachePolicy, Operation
from stockroom.contract.replies import Reply

REPLY = Reply(200, {"ETag": '"a"'}, '{"é": 1}'.encode())
OURS = "stockroom.contract.cache.JsonRedisCache"


class Planted:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def opened(kind: str, url: str | None = None, prefix: str = "test") -> Cache:
    config = {"CACHE_TYPE": kind, "CACHE_KEY_PREFIX": prefix} | ({"CACHE_REDIS_URL": url} if url else {})
    return Cache(Flask("cache"), config=config)


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid.uuid4().hex}:"


@pytest.fixture
def cache() -> AnswerCache:
    return AnswerCache(opened("stockroom.contract.cache.MemoryCache"))


@pytest.fixture
def summary(contract: Contract) -> Operation:
    return contract.operations["handlers.summary.read"]


def asked_by(name: str | None, *scopes: str, **arguments: Any) -> Exchange:
    principal = SimpleNamespace(subject=name, scopes=frozenset(scopes)) if name else None
    return Exchange("1", "192.0.2.1", principal=principal, arguments=arguments)


@pytest.mark.parametrize(
    ("kind", "runs"), [("RedisCache", True), (OURS, False)], ids=["Flask-Caching's", "ours"]
)
def test_a_planted_pickle_is_run_by_flask_caching_and_not_by_us(
    kind: str, runs: bool, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    marker = tmp_path / "was-here"
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"{prefix}key", b"!" + pickle.dumps(Planted(marker)), ex=60)
    assert opened(kind, redis_url, prefix).get("key") is None
    assert marker.exists() == runs


@pytest.mark.parametrize("planted", [b'{"status": 200}', b"[1]", b'"text"', b"7", b"!\x80\x05", b"\xff", b""])
def test_what_is_no_answer_of_ours_counts_as_not_there(
    planted: bytes, redis_url: str, prefix: str, summary: Operation
) -> None:
    cache = AnswerCache(opened(OURS, redis_url, prefix))
    policy, exchange = CachePolicy(60, ("role",)), asked_by("ada", "stock:read")
    key, _ = cache.get(summary, policy, exchange)
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"{prefix}{key}", planted, ex=60)
    assert cache.get(summary, policy, exchange)[1] is None
    cache.put(key, policy, REPLY)
    assert cache.get(summary, policy, exchange)[1] == REPLY


def test_a_cache_that_is_away_is_no_cache(summary: Operation) -> None:
    cache = AnswerCache(opened(OURS, "redis://127.0.0.1:1"))
    policy = CachePolicy(60, ("role",))
    assert cache.get(summary, policy, asked_by("ada")) == ("", None)
    cache.put("key", policy, REPLY)
    cache.forget_all()


@pytest.mark.parametrize(
    ("vary", "other", "shared"),
    [
        pytest.param(("user",), asked_by("bob", "stock:read"), False, id="another user, by user"),
        pytest.param(("role",), asked_by("bob", "stock:read"), True, id="another user, by role"),
        pytest.param(
            ("role",), asked_by("bob", "stock:read", "stock:write"), False, id="another role, by role"
        ),
        pytest.param(("role",), asked_by(None), False, id="nobody, by role"),
        pytest.param(("role",), asked_by("ada", "stock:read", page=2), False, id="another argument"),
        pytest.param(("user",), asked_by("ada", "stock:read", if_none_match="*"), True, id="a precondition"),
    ],
)
def test_answers_are_shared_as_the_contract_says(
    vary: tuple[str, ...], other: Exchange, shared: bool, cache: AnswerCache, summary: Operation
) -> None:
    policy = CachePolicy(60, vary)
    key, _ = cache.get(summary, policy, asked_by("ada", "stock:read"))
    cache.put(key, policy, REPLY)
    assert cache.get(summary, policy, asked_by("ada", "stock:read"))[1] == REPLY
    assert cache.get(summary, policy, other)[1] == (REPLY if shared else None)


def test_a_write_makes_all_answers_old(cache: AnswerCache, summary: Operation) -> None:
    policy, exchange = CachePolicy(60, ("role",)), asked_by("ada")
    key, _ = cache.get(summary, policy, exchange)
    cache.put(key, policy, REPLY)
    cache.forget_all()
    assert cache.get(summary, policy, exchange)[1] is None


def test_an_answer_made_of_what_was_before_a_write_is_not_kept_for_after(
    cache: AnswerCache, summary: Operation
) -> None:
    policy, exchange = CachePolicy(60, ("role",)), asked_by("ada")
    key, _ = cache.get(summary, policy, exchange)
    cache.forget_all()
    cache.put(key, policy, REPLY)
    assert cache.get(summary, policy, exchange)[1] is None


def test_processes_share_answers_through_redis(serve: Any, sign_in: Any, redis_url: str) -> None:
    admin = sign_in("admin", f"user-{uuid.uuid4().hex[:12]}")
    one, other = serve(redis_url=redis_url), serve(redis_url=redis_url)
    one.post("/items", headers=admin, json={"sku": "A1", "name": "Axe"})
    first = one.get("/summary", headers=admin).json()
    assert other.get("/summary", headers=admin).json() == first
    other.post("/items", headers=admin, json={"sku": "A2", "name": "Adze"})
    assert one.get("/summary", headers=admin).json()["items"] == first["items"] + 1
