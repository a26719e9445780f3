"""Proof of what the contract says of reads: `If-None-Match` (RFC 9110, 13.1.2) and `x-cache`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import httpx

from stockroom.contract.contract import Contract
from stockroom.contract.operations import CachePolicy, Operation
from tests.contract.gates.requests import Example, examples_of
from tests.contract.gates.world import World

# What an answer has and a 304 has not, and what differs from each answer to the next.
OWN = {"content-type", "content-length", "date", "ratelimit", "x-request-id"}
NO_WRITE = "no example of a write changes it: add one to the contract"


def prove_if_none_match(world: World, operation: Operation) -> None:
    """Who has an answer already is told so, with the headers it came with; after a change it comes again."""
    asked = world.prepare(world.first(operation.id))
    first = world.succeed(asked)
    etag = first.headers["ETag"]
    assert not etag.startswith("W/"), "the ETag is weak"
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        unchanged = world.send(asked, **{"If-None-Match": known})
        assert unchanged.status_code == 304, f"If-None-Match: {known} is answered {unchanged.status_code}"
        assert unchanged.content == b""
        assert _kept(unchanged) == _kept(first)
    other = world.send(asked, **{"If-None-Match": '"other"'})
    assert other.status_code == operation.success, (
        f"{etag} is not what one has, and it is {other.status_code}"
    )
    # Without a token there is nothing to see but the service itself.
    if operation.scopes is not None:
        _prove_noticed(world, asked, etag)


def _prove_noticed(world: World, asked: Example, etag: str) -> None:
    """Once a write has changed the answer, who has the one with `etag` gets it again."""
    for write in _writes(world.contract, asked):
        done = world.send(write).is_success
        again = world.send(asked, **{"If-None-Match": etag})
        if again.status_code != 304 or (done and write.operation.path == asked.operation.path):
            break
    assert again.status_code == asked.operation.success, f"after {write} it still is {again.status_code}"
    assert again.headers["ETag"] != etag


def _kept(answer: httpx.Response) -> Mapping[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OWN}


def _writes(contract: Contract, asked: Example) -> Iterator[Example]:
    """The examples of all writes, which may change the answer: those at its path first, DELETE last.

    In the contract's order each makes what later ones speak of; they name what the path of `asked` names.
    Elsewhere, writes that need a token and no scope are left out: some end the caller's session.
    """
    path, own_account = asked.operation.path, frozenset[str]()
    writes = [
        o
        for o in contract.operations.values()
        if o.method != "GET" and (o.scopes != own_account or o.path == path)
    ]
    named = {p.name: asked.parameters[p.name] for p in asked.operation.parameters if p.where == "path"}
    known = {**named, "If-Match": "*"}
    for write in sorted(writes, key=lambda o: (o.method == "DELETE", o.path != path)):
        taken = {p.name: known[p.name] for p in write.parameters if p.name in known}
        for example in examples_of(contract, write):
            yield replace(example, parameters={**example.parameters, **taken})


def _empties_the_cache(operation: Operation) -> bool:
    return any(scope.endswith(":write") for scope in operation.scopes or ())


@dataclass(frozen=True)
class Cached:
    """Two services over one database, each with a cache of its own; `wait` has seconds pass for the first."""

    here: World
    elsewhere: World
    wait: Callable[[float], None]

    def prove(self, operation: Operation) -> None:
        """An answer is kept for its time and for whom it is for, until something is changed here."""
        policy, here = operation.cache, self.here
        assert policy, f"{operation.id} has no cache"
        asked = here.prepare(here.first(operation.id))
        writes = (write for write in _writes(here.contract, asked) if _empties_the_cache(write.operation))
        first = here.succeed(asked)
        assert first.headers["Cache-Control"] == f"private, max-age={policy.seconds}"
        # What another process changes is seen there, and not here while the answer is kept.
        assert any(self._is_seen_elsewhere(write, asked, first) for write in writes), NO_WRITE
        self._assert_kept(first, here.succeed(asked))
        assert here.send(asked, **{"If-None-Match": first.headers["ETag"]}).status_code == 304
        self._prove_whose(policy, asked, first)
        # The cache counts whole seconds.
        self.wait(policy.seconds - 2)
        self._assert_kept(first, here.succeed(asked))
        self.wait(3)
        second = here.succeed(asked)
        assert second.content != first.content, f"it is kept for longer than {policy.seconds} seconds"
        assert any(self._is_seen_here(write, asked, second) for write in writes), NO_WRITE

    def _is_seen_elsewhere(self, write: Example, asked: Example, before: httpx.Response) -> bool:
        done = self.elsewhere.send(write).is_success
        return done and self.elsewhere.succeed(asked).content != before.content

    def _is_seen_here(self, write: Example, asked: Example, before: httpx.Response) -> bool:
        """Whether a write changes the answer; if it does, then at once and not only when its time is over."""
        if not self.here.send(write).is_success:
            return False
        at_once = self.here.succeed(asked)
        assert asked.operation.cache
        self.wait(asked.operation.cache.seconds + 1)
        if self.here.succeed(asked).content == before.content:
            return False
        assert at_once.content != before.content, f"it is still kept after {write}"
        return True

    @staticmethod
    def _assert_kept(first: httpx.Response, again: httpx.Response) -> None:
        assert again.content == first.content, "the answer was made anew"
        assert _kept(again) == _kept(first)

    def _prove_whose(self, policy: CachePolicy, asked: Example, first: httpx.Response) -> None:
        for kind, caller in {
            "user": {"user": "bob"},
            "role": {"user": "bob", "scopes": asked.operation.scopes},
        }.items():
            shared = self.here.by(**caller).succeed(asked).content == first.content
            expected = not {"user", kind} & set(policy.vary)
            assert shared == expected, f"by {kind} it is {'' if shared else 'not '}shared"
