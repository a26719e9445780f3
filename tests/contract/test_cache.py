"""`x-cache`: answers are kept in JSON, for whom the contract says, and a cache that fails is no cache."""

import asyncio
import pickle
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from flask import Flask
from flask_caching import Cache
from flask_caching.backends.rediscache import RedisCache
from flask_caching.backends.simplecache import SimpleCache

from stockroom.activities import activity
from stockroom.contract.contract import Contract
from stockroom.contract.operations import CachePolicy, Operation
from stockroom.http.cache import AnswerCache, CachePlace, open_backend
from stockroom.http.context import RequestContext
from stockroom.http.replies import Reply

REPLY = Reply(200, {"ETag": '"a"'}, '{"é": 1}'.encode())
POLICY = CachePolicy(60, ("role",))


class Planted:
    """A pickle that makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def opened(url: str | None = None, prefix: str = "test") -> AnswerCache:
    return AnswerCache(Flask("cache"), url, prefix=prefix)


def get(
    cache: AnswerCache, operation: Operation, context: RequestContext, policy: CachePolicy = POLICY
) -> tuple[CachePlace | None, Reply | None]:
    return asyncio.run(cache.get(operation, policy, context))


def kept(
    cache: AnswerCache, operation: Operation, context: RequestContext, policy: CachePolicy = POLICY
) -> CachePlace:
    """Where a reply has been put, which was not there before."""
    place, found = get(cache, operation, context, policy)
    assert found is None
    assert place
    asyncio.run(cache.put(place, policy, REPLY))
    return place


@pytest.fixture
def prefix() -> str:
    return f"test-{uuid.uuid4().hex}:"


@pytest.fixture
def cache() -> AnswerCache:
    return opened()


@pytest.fixture
def summary(contract: Contract) -> Operation:
    return contract.operations["handlers.summary.read"]


def asked_by(name: str | None, *scopes: str, **arguments: Any) -> RequestContext:
    principal = SimpleNamespace(subject=name, scopes=frozenset(scopes)) if name else None
    return RequestContext("1", "192.0.2.1", principal=principal, arguments=arguments)


def test_a_planted_pickle_is_run_by_flask_caching_as_it_comes(
    redis_url: str, prefix: str, tmp_path: Path
) -> None:
    config = {"CACHE_TYPE": "RedisCache", "CACHE_KEY_PREFIX": prefix, "CACHE_REDIS_URL": redis_url}
    plant(redis_url, f"{prefix}key", tmp_path / "was-here")
    assert Cache(Flask("cache"), config=config).get("key") is None
    assert (tmp_path / "was-here").exists()


def test_a_planted_pickle_is_not_run_by_us(redis_url: str, prefix: str, tmp_path: Path) -> None:
    plant(redis_url, f"{prefix}key", tmp_path / "was-here")
    assert open_backend(Flask("cache"), redis_url, prefix).get("key") is None
    assert not (tmp_path / "was-here").exists()


def plant(redis_url: str, key: str, marker: Path) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(key, b"!" + pickle.dumps(Planted(marker)), ex=60)


@pytest.mark.parametrize("planted", [b'{"status": 200}', b"[1]", b'"text"', b"7", b"!\x80\x05", b"\xff", b""])
def test_what_is_no_answer_of_ours_counts_as_not_there(
    planted: bytes, redis_url: str, prefix: str, summary: Operation
) -> None:
    cache, context = opened(redis_url, prefix), asked_by("ada", "stock:read")
    place = kept(cache, summary, context)
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"{prefix}{place.key}", planted, ex=60)
    assert get(cache, summary, context)[1] is None
    asyncio.run(cache.put(place, POLICY, REPLY))
    assert get(cache, summary, context) == (place, REPLY)


def test_a_cache_that_is_away_is_no_cache(summary: Operation) -> None:
    cache = opened("redis://127.0.0.1:1")
    assert get(cache, summary, asked_by("ada")) == (None, None)
    asyncio.run(cache.put(CachePlace("key", 0), POLICY, REPLY))
    asyncio.run(cache.forget_all())


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
    vary: tuple[str, ...], other: RequestContext, shared: bool, cache: AnswerCache, summary: Operation
) -> None:
    policy = CachePolicy(60, vary)
    kept(cache, summary, asked_by("ada", "stock:read"), policy)
    assert get(cache, summary, asked_by("ada", "stock:read"), policy)[1] == REPLY
    assert get(cache, summary, other, policy)[1] == (REPLY if shared else None)


def test_a_write_makes_all_answers_old(cache: AnswerCache, summary: Operation) -> None:
    kept(cache, summary, asked_by("ada"))
    asyncio.run(cache.forget_all())
    kept(cache, summary, asked_by("ada"))


def test_what_could_not_be_forgotten_is_forgotten_before_anything_else_is_asked(
    redis_url: str, prefix: str, summary: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "FIRST_WAIT", 0.0)
    cache, context = opened(redis_url, prefix), asked_by("ada")
    place = kept(cache, summary, context)
    assert get(cache, summary, context) == (place, REPLY)
    with monkeypatch.context() as away:
        away.setattr(RedisCache, "set", raising)
        asyncio.run(cache.forget_all())
        assert get(cache, summary, context) == (None, None)
    assert get(cache, summary, context)[1] is None


def raising(*_: Any, **__: Any) -> None:
    raise TimeoutError("planted")


def test_an_answer_made_of_what_was_before_a_write_is_not_kept_for_after(
    cache: AnswerCache, summary: Operation
) -> None:
    place, _ = get(cache, summary, asked_by("ada"))
    assert place
    asyncio.run(cache.forget_all())
    asyncio.run(cache.put(place, POLICY, REPLY))
    assert get(cache, summary, asked_by("ada"))[1] is None


def test_a_kept_answer_is_looked_for_once(serve: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    get_many = SimpleCache.get_many
    monkeypatch.setattr(
        SimpleCache, "get_many", lambda self, *keys: looked.append(keys[-1]) or get_many(self, *keys)
    )
    client, admin = serve(), sign_in("admin")
    for asked in (1, 2):
        assert client.get("/summary", headers=admin).status_code == 200
        assert len(looked) == asked


def test_processes_share_answers_through_redis(serve: Any, sign_in: Any, redis_url: str) -> None:
    admin = sign_in("admin", f"user-{uuid.uuid4().hex[:12]}")
    one, other = serve(redis_url=redis_url), serve(redis_url=redis_url)
    one.post("/items", headers=admin, json={"sku": "A1", "name": "Axe"})
    first = one.get("/summary", headers=admin).json()
    assert other.get("/summary", headers=admin).json() == first
    other.post("/items", headers=admin, json={"sku": "A2", "name": "Adze"})
    assert one.get("/summary", headers=admin).json()["items"] == first["items"] + 1
