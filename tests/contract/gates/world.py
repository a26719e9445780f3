"""A world in which the contract's examples succeed, made by sending other examples first."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx

from stockroom.contract.contract import Contract
from stockroom.contract.problem_types import problem_types
from tests.contract.gates.home import Headers, Home
from tests.contract.gates.links import Link, links_of
from tests.contract.gates.requests import Example, examples_of

ITEM, SHELF, BAY = "handlers.items.create", "handlers.locations.create shelf", "handlers.locations.create bay"
STOCK = (ITEM, SHELF, BAY, "handlers.movements.record receipt")

# What an operation's examples speak of, where no link of the contract brings it about: the examples to be
# sent before, in this order.
BEFORE = {
    "handlers.auth.login": ("handlers.auth.register",),
    "handlers.auth.logout": ("handlers.auth.register", "handlers.auth.login application/json"),
    "handlers.me.change_password": ("handlers.auth.register", "handlers.auth.login application/json"),
    "handlers.movements.record": STOCK,
    "handlers.counts.record": STOCK,
    "handlers.reservations.hold": STOCK,
}

# Who may answer this speaks of what a task has only once a worker has done it.
UNFINISHED = "/problems/task-unfinished"

HINT = (
    "If it speaks of something that is not there, add a link to it in openapi.yaml, from the operation that "
    "makes the thing, or name the examples to be sent before in BEFORE of tests/contract/gates/world.py."
)


@dataclass
class World:
    """A service with nothing in it, and a `caller` who may do everything; the headers of nobody are `{}`.

    Logging in, at the contract's `tokenUrl`, changes the caller to who has logged in.
    """

    contract: Contract
    home: Home
    caller: Headers | None = None

    def __post_init__(self) -> None:
        if self.caller is None:
            self.caller = self.home.sign_in("keeper")
        # The first of several that lead to the same operation.
        self._links = {link.target: link for link in reversed(list(links_of(self.contract)))}

    def by(self, user: str, scopes: Iterable[str] | None = None) -> "World":
        """The same world with another caller, whose token allows `scopes`, or everything."""
        return replace(self, caller=self.home.sign_in(user, scopes))

    def prepare(self, example: Example) -> Example:
        """Bring about what `example` speaks of; return it with what only the service can know: ids, ETags."""
        link = self._links.get(example.operation.id)
        if link and link.source != example.operation.id:
            example = self.follow(link, example)
        else:
            for step in BEFORE.get(example.operation.id, ()):
                self.succeed(self.named(step))
        return example

    def follow(self, link: Link, example: Example) -> Example:
        """Have the link's source succeed; return `example` of its target as the link makes it."""
        asked = self.prepare(self.first(link.source))
        answer = self.succeed(asked)
        if any(UNFINISHED in problem_types(r) for r in example.operation.responses.values()):
            self.home.work_off(answer.json()["id"])
        return link.follow(example, asked, answer)

    def first(self, operation_id: str) -> Example:
        return next(examples_of(self.contract, self.contract.operations[operation_id]))

    def named(self, name: str) -> Example:
        """The example that is called so, as `handlers.movements.record receipt`."""
        operation = self.contract.operations[name.partition(" ")[0]]
        found = {str(example): example for example in examples_of(self.contract, operation)}
        assert name in found, f"{name} is no example of the contract; it has {', '.join(found)}"
        return found[name]

    def send(self, example: Example, **headers: str) -> httpx.Response:
        """The answer to an example that the caller sends, with more `headers`."""
        return self.ask(example.request(), **headers)

    def ask(self, request: dict[str, Any], **headers: str) -> httpx.Response:
        """The answer to any request of the caller."""
        sent = {**request, "headers": request.get("headers", {}) | (self.caller or {}) | headers}
        answer: httpx.Response = self.home.client.request(**sent)
        return answer

    def succeed(self, example: Example) -> httpx.Response:
        """The answer, which must be the declared success."""
        answer = self.send(example)
        expected = example.operation.success
        told = f"{example} answered {answer.status_code}, not {expected}: {answer.text[:500]}\n{HINT}"
        assert answer.status_code == expected, told
        if example.operation.path in self._token_urls():
            self.caller = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return answer

    def _token_urls(self) -> Iterator[str]:
        for scheme in self.contract.document.raw["components"]["securitySchemes"].values():
            for flow in scheme.get("flows", {}).values():
                yield flow["tokenUrl"]
