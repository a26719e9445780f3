"""What a schema holds, found in both contracts: members, exclusions and branches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stockroom.contract.deprecation import sunset_of
from tests.contract.gates.compatibility.keywords import Breaks, Change, changed
from tests.contract.gates.compatibility.schemas import Alternative, Schema


@dataclass(frozen=True)
class Pair:
    """The same place in both contracts; `member` are the steps to it from the value around it."""

    member: str
    before: Schema
    after: Schema
    excluded: bool = False


def properties(before: Schema, after: Schema, over: set[str]) -> Iterator[Change | Pair]:
    # What is new in an answer is no change: clients pass over members they do not know.
    for name in sorted((before.properties | after.properties) - over):
        was, now = before.member(name), after.member(name)
        if name in before.properties and was and not (now and name in after.properties):
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


def specs_of(schema: Schema | None) -> list[Mapping[str, Any]]:
    return [root.value for root in schema.roots] if schema else []


def _sunsets(before: Schema, after: Schema) -> Iterator[Change]:
    was, now = (next(filter(None, map(sunset_of, specs_of(schema))), None) for schema in (before, after))
    if was and now and now < was:
        yield Change(after.place("x-deprecation"), f"the sunset was {was}, is {now}", Breaks.BOTH)


def exclusions(before: Schema, after: Schema) -> Iterator[Change | Pair]:
    was, now = before.exclusions, after.exclusions
    if len(was) < len(now):
        yield Change(after.place("not"), "not is new", Breaks.REQUESTS)
    elif len(was) > len(now):
        yield Change(after.place("not"), "not is gone", Breaks.ANSWERS)
    for old, new in zip(was, now, strict=False):
        yield Pair("", old, new, excluded=True)


def branches(before: Schema, after: Schema) -> Iterator[Change | Pair]:
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
    for key in (key for key in now if key not in was):
        yield Change(now[key].pointer, f"{now[key].label} is a new choice", Breaks.ANSWERS)


def _keyed(schema: Schema, *, by_name: bool) -> dict[Any, Alternative]:
    branches = schema.alternatives or [Alternative(None, schema.parts[0].pointer, schema)]
    return {branch.name if by_name else branch.pointer: branch for branch in branches}
