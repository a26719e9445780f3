"""What breaks clients, and the places it is found at: those of the last release beside those of now."""

from collections.abc import Iterator
from dataclasses import dataclass

from stockroom.contract.deprecation import sunset_of
from stockroom.contract.document import Pointer
from tests.contract.gates.compatibility.comparer import Comparer
from tests.contract.gates.compatibility.keywords import Breaks
from tests.contract.gates.compatibility.nodes import Node
from tests.contract.gates.compatibility.schemas import Schema


@dataclass(frozen=True)
class Finding:
    """What broke: `pointer` leads to it in the new document, `place` is where clients meet it."""

    pointer: Pointer
    message: str
    place: str


@dataclass(frozen=True)
class Both:
    """One place in both contracts; `place` is how people call it."""

    place: str
    before: Node
    after: Node

    def at(self, *steps: str, place: str) -> "Both":
        return Both(f"{self.place}, {place}", self.before.at(*steps), self.after.at(*steps))

    def finding(self, message: str, *steps: str) -> Finding:
        return Finding((*self.after.pointer, *steps), message, self.place)

    def differing(self, *keywords: str) -> Iterator[Finding]:
        """Keywords that nobody has taught this package to compare: any change of these may break anybody."""
        for keyword in keywords:
            if self.before.get(keyword) != self.after.get(keyword):
                yield self.finding(f"{keyword} was changed", keyword)

    def sunsets(self) -> Iterator[Finding]:
        was, now = sunset_of(self.before.value), sunset_of(self.after.value)
        if was and now and now < was:
            yield self.finding(f"the sunset was {was}, is {now}", "x-deprecation")

    def schemas(self, comparer: Comparer, side: Breaks) -> Iterator[Finding]:
        before, after = Schema.of(self.before.at("schema")), Schema.of(self.after.at("schema"))
        for member, change in comparer.changes(before, after, side):
            yield Finding(change.pointer, change.message, f"{self.place} {member}".strip())
