"""Two schemas compared, with all that they hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from stockroom.contract.deprecation import sunset_of
from tests.contract.gates.compatibility.keywords import Breaks, Change, changes_of_keywords
from tests.contract.gates.compatibility.members import Pair, branches, exclusions, properties, specs_of
from tests.contract.gates.compatibility.schemas import Schema


@dataclass(frozen=True)
class Comparison:
    changes: list[Change] = field(default_factory=list)
    below: list[Pair] = field(default_factory=list)


class Comparer:
    """Compares schemas, each pair once; what is past its sunset on `today` may have become anything."""

    def __init__(self, today: date) -> None:
        self.today = today
        self._compared: dict[Any, Comparison] = {}
        self._found: dict[Any, list[tuple[str, Change]]] = {}

    def changes(self, before: Schema, after: Schema, side: Breaks) -> list[tuple[str, Change]]:
        """What breaks `side`, with a JSON pointer to the member it is about; `*` is any of a list."""
        key = (before.key, after.key, side)
        if key not in self._found:
            self._found[key] = list(self._walk(before, after, side))
        return self._found[key]

    def _walk(self, before: Schema, after: Schema, side: Breaks) -> Iterator[tuple[str, Change]]:
        seen = set()
        following = [(Pair("", before, after), side)]
        while following:
            pair, side = following.pop()
            key = (pair.before.key, pair.after.key, side)
            if key in seen:
                continue  # Schemas may be recursive.
            seen.add(key)
            comparison = self._compare(pair.before, pair.after)
            yield from ((pair.member, change) for change in comparison.changes if change.breaks & side)
            for below in reversed(comparison.below):
                # Where less is excluded, more is taken.
                turned = ~side if below.excluded else side
                following.append((Pair(pair.member + below.member, below.before, below.after), turned))

    def _compare(self, before: Schema, after: Schema) -> Comparison:
        key = (before.key, after.key)
        if key not in self._compared:
            self._compared[key] = comparison = Comparison()
            for found in self._differences(before, after):
                if isinstance(found, Pair):
                    comparison.below.append(found)
                else:
                    comparison.changes.append(found)
        return self._compared[key]

    def _differences(self, before: Schema, after: Schema) -> Iterator[Change | Pair]:
        if before.alternatives or after.alternatives:
            yield from branches(before, after)
            return
        if not before.says_as(after):
            yield from changes_of_keywords(before, after)
            if not before.meets(after):
                return
        yield from exclusions(before, after)
        over = {name for name in before.properties if any(map(self.is_over, specs_of(before.member(name))))}
        yield from properties(before, after, over)
        if "items" in before.keywords | after.keywords:
            yield Pair("/*", before.items, after.items)

    def is_over(self, spec: Mapping[str, Any]) -> bool:
        """Whether what `spec` describes is past its sunset."""
        sunset = sunset_of(spec)
        return sunset is not None and sunset < self.today
