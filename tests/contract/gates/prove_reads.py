"""Proof of what the contract says of reads: `If-None-Match` (RFC 9110, 13.1.2) and `x-cache`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import httpx

from stockroom.contract.operations import CachePolicy, Operation
from tests.contract.gates.requests import Example
from tests.contract.gates.world import World

# The examples that change what a read shows, each another time, where no operation at its own path does.
CHANGED_BY = {
    "handlers.summary.read": (
        "handlers.items.create",
        "handlers.locations.create shelf",
        "handlers.locations.create bay",
    ),
}

# What an answer has and a 304 has not, and what differs from each answer to the next.
OWN = {"content-type", "content-length", "date", "ratelimit", "x-request-id"}


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
    for change in _changes(world, asked, etag):
        world.succeed(change)
        again = world.send(asked, **{"If-None-Match": etag})
        assert again.status_code == operation.success, f"after {change} it still is {again.status_code}"
        assert again.headers["ETag"] != etag
        etag = again.headers["ETag"]


def _kept(answer: httpx.Response) -> Mapping[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in OWN}


def _changes(world: World, asked: Example, etag: str) -> Iterator[Example]:
    """What changes the answer: a write at the same path, or what CHANGED_BY says."""
    operation, operations = asked.operation, world.contract.operations.values()
    for other in operations:
        if other.path == operation.path and other.method != "GET":
            change = world.first(other.id)
            known = {**asked.parameters, "If-Match": etag}
            taken = {p.name: known[p.name] for p in other.parameters if p.name in known}
            yield (
                replace(change, parameters={**change.parameters, **taken}) if taken else world.prepare(change)
            )
            return
    # Without a token there is nothing to see but the service itself.
    assert operation.id in CHANGED_BY or operation.scopes is None, (
        f"name in CHANGED_BY what changes {operation.id}"
    )
    yield from map(world.named, CHANGED_BY.get(operation.id, ()))


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
        begin, behind, end = _changes(here, asked, "")
        here.succeed(begin)
        first = here.succeed(asked)
        assert first.headers["Cache-Control"] == f"private, max-age={policy.seconds}"
        # What another process changes is seen there, and not here while the answer is kept.
        self.elsewhere.succeed(behind)
        assert self.elsewhere.succeed(asked).content != first.content, f"{behind} changes nothing in {asked}"
        self._assert_kept(first, here.succeed(asked))
        assert here.send(asked, **{"If-None-Match": first.headers["ETag"]}).status_code == 304
        self._prove_whose(policy, asked, first)
        # The cache counts whole seconds.
        self.wait(policy.seconds - 2)
        self._assert_kept(first, here.succeed(asked))
        self.wait(3)
        second = here.succeed(asked)
        assert second.content != first.content, f"it is kept for longer than {policy.seconds} seconds"
        here.succeed(end)
        assert here.succeed(asked).content != second.content, f"it is still kept after {end}"

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
