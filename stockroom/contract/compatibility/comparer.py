"""Two schemas compared down to their members, items and branches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from stockroom.contract.compatibility.keywords import Breaks, Change, changed, changes_of_keywords
from stockroom.contract.compatibility.schemas import Alternative, Schema
from stockroom.contract.deprecation import sunset_of


@dataclass(frozen=True)
class Pair:
    """The same place in both contracts; `member` are the steps to it from the value around it."""

    member: str
    before: Schema
    after: Schema
    excluded: bool = False


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
            yield from _branches(before, after)
            return
        if not before.says_as(after):
            yield from changes_of_keywords(before, after)
            if not before.meets(after):
                return
        yield from _exclusions(before, after)
        over = {name for name in before.properties if any(map(self.is_over, _specs(before.member(name))))}
        yield from _properties(before, after, over)
        if "items" in before.keywords | after.keywords:
            yield Pair("/*", before.items, after.items)

    def is_over(self, spec: Mapping[str, Any]) -> bool:
        """Whether what `spec` describes is past its sunset."""
        sunset = sunset_of(spec)
        return sunset is not None and sunset < self.today


def _specs(schema: Schema | None) -> list[Mapping[str, Any]]:
    return [root.value for root in schema.roots] if schema else []


def _properties(before: Schema, after: Schema, over: set[str]) -> Iterator[Change | Pair]:
    # What is new in an answer is no change: clients pass over members they do not know.
    for name in sorted((before.properties | after.properties) - over):
        was, now = before.member(name), after.member(name)
        if name in before.properties - after.properties:
            yield Change(after.place("properties"), f"{name} is gone", Breaks.BOTH)
        elif was and now:
            yield from _sunsets(was, now)
            yield Pair(f"/{name}", was, now)
    for name in sorted(after.required - before.required - over):
        yield Change(after.place("required"), f"{name} is required", Breaks.REQUESTS)
    for name in sorted((before.required - after.required) & after.properties - over):
        yield Change(after.place("required"), f"{name} is no longer required", Breaks.ANSWERS)
    if before.others and after.others:
        if "additionalProperties" in before.keywords | after.keywords:
            yield Pair("/*", before.others, after.others)
    elif before.others:
        message = "members that are not listed are refused"
        yield Change(after.place("additionalProperties"), message, Breaks.REQUESTS)


def _sunsets(before: Schema, after: Schema) -> Iterator[Change]:
    was, now = (next(filter(None, map(sunset_of, _specs(schema))), None) for schema in (before, after))
    if was and now and now < was:
        yield Change(after.place("x-deprecation"), f"the sunset was {was}, is {now}", Breaks.BOTH)


def _exclusions(before: Schema, after: Schema) -> Iterator[Change | Pair]:
    was, now = before.exclusions, after.exclusions
    if len(was) < len(now):
        yield Change(after.place("not"), "not is new", Breaks.REQUESTS)
    elif len(was) > len(now):
        yield Change(after.place("not"), "not is gone", Breaks.ANSWERS)
    for old, new in zip(was, now, strict=False):
        yield Pair("", old, new, excluded=True)


def _branches(before: Schema, after: Schema) -> Iterator[Change | Pair]:
    """Branches are taken to be apart, as a discriminator makes them: what fits one fits no other."""
    old, new = before.alternatives, after.alternatives
    named = all(branch.name for branch in [*old, *new]) and old and new
    was, now = _keyed(before, by_name=bool(named)), _keyed(after, by_name=bool(named))
    if old and new:
        by, of = before.discriminators, after.discriminators
        yield from changed(after, "discriminator", by, of, less=bool(of - by), more=bool(by - of))
        has, gets = before.constraints("nullable"), after.constraints("nullable")
        yield from changed(after, "nullable", has, gets, less=has > gets, more=has < gets)
    for key, branch in was.items():
        if key in now:
            yield Pair("", branch.schema, now[key].schema)
        else:
            yield Change(after.parts[0].pointer, f"{branch.label} is no longer a choice", Breaks.REQUESTS)
    for key in now.keys() - was.keys():
        yield Change(now[key].pointer, f"{now[key].label} is a new choice", Breaks.ANSWERS)


def _keyed(schema: Schema, *, by_name: bool) -> dict[Any, Alternative]:
    branches = schema.alternatives or [Alternative(None, schema.parts[0].pointer, schema)]
    return {branch.name if by_name else branch.pointer: branch for branch in branches}
