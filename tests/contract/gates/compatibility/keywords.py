"""What a keyword takes less than it did, which breaks requests, or more, which breaks readers of answers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto

from stockroom.contract.document import Pointer
from tests.contract.gates.compatibility.schemas import LOWER, TYPES, UPPER, Schema

CONSTRAINTS = {"format", "multipleOf", "pattern", "uniqueItems"}
COMPARED = {
    *("additionalProperties", "allOf", "anyOf", "default", "discriminator", "enum", "items", "not", "oneOf"),
    *("exclusiveMaximum", "exclusiveMinimum", "nullable", "properties", "required", "type"),
    *(*LOWER, *UPPER, *CONSTRAINTS),
}
# Whatever fits the first fits the second too; `password` only asks user interfaces to hide it.
IMPLIED = {"int32": {"int32", "int64"}, "float": {"float", "double"}, "password": frozenset[str]()}
ANNOTATIONS = {
    *("deprecated", "description", "example", "externalDocs", "title", "xml"),
    *("x-deprecation", "x-pattern-description"),
}


class Breaks(Flag):
    """Whom a change breaks: clients that send what it is about, or clients that read it."""

    REQUESTS = auto()
    ANSWERS = auto()
    BOTH = REQUESTS | ANSWERS


@dataclass(frozen=True)
class Change:
    """A change of one keyword; `pointer` leads to it in the new document."""

    pointer: Pointer
    message: str
    breaks: Breaks


def changes_of_keywords(before: Schema, after: Schema) -> Iterator[Change]:
    """The changes of a value itself; its members and items have schemas of their own."""
    yield from _types(before, after)
    if not before.meets(after):
        return  # All else differs because of that.
    yield from _enums(before, after)
    yield from _bounds(before, after)
    for keyword in sorted((before.keywords | after.keywords) & CONSTRAINTS):
        was, now = before.constraints(keyword), after.constraints(keyword)
        old, new = _implied(keyword, was), _implied(keyword, now)
        yield from changed(after, keyword, was, now, less=bool(new - old), more=bool(old - new))
    # Who leaves a value out means its default; who reads one does not care.
    usual = before.default, after.default
    yield from changed(after, "default", *usual, less=usual[0] != usual[1], more=False)
    # Nobody has taught this to compare the others, so that any change may break anybody.
    for keyword in sorted((before.keywords | after.keywords) - COMPARED - ANNOTATIONS):
        was, now = before.constraints(keyword), after.constraints(keyword)
        yield from changed(after, keyword, was, now, less=was != now, more=was != now)


def changed(
    after: Schema, keyword: str, was: object, now: object, *, less: bool, more: bool
) -> Iterator[Change]:
    """The change of `keyword`, if it takes less or more than it did."""
    if less or more:
        breaks = Breaks.BOTH if less and more else Breaks.REQUESTS if less else Breaks.ANSWERS
        yield Change(after.place(keyword), f"{keyword} was {_text(was)}, is {_text(now)}", breaks)


def _text(value: object) -> str:
    if isinstance(value, frozenset):
        return " and ".join(sorted(value)) or "not set"
    return "not set" if value is None else str(value)


def _implied(keyword: str, values: frozenset[str]) -> frozenset[str]:
    if keyword != "format":
        return values
    return frozenset(implied for value in values for implied in IMPLIED.get(value, {value}))


def _types(before: Schema, after: Schema) -> Iterator[Change]:
    was, now = before.types, after.types
    less, more = bool(was - now), bool(now - was)
    if was ^ now == {"null"}:
        yield from changed(after, "nullable", "null" in was, "null" in now, less=less, more=more)
    else:
        yield from changed(after, "type", _named(was), _named(now), less=less, more=more)


def _named(types: frozenset[str]) -> str:
    if types == TYPES:
        return "anything"
    return " or ".join(sorted(types - {"integer"} if "number" in types else types))


def _enums(before: Schema, after: Schema) -> Iterator[Change]:
    was, now = before.enum, after.enum
    if was is None and now is not None:
        yield Change(after.place("enum"), "enum is new", Breaks.REQUESTS)
    elif was is not None and now is None:
        yield Change(after.place("enum"), "enum is gone", Breaks.ANSWERS)
    elif was is not None and now is not None:
        if lost := [str(was[key]) for key in was if key not in now]:
            yield Change(after.place("enum"), f"enum lost {', '.join(lost)}", Breaks.REQUESTS)
        if gained := [str(now[key]) for key in now if key not in was]:
            yield Change(after.place("enum"), f"enum gained {', '.join(gained)}", Breaks.ANSWERS)


def _bounds(before: Schema, after: Schema) -> Iterator[Change]:
    for keyword in sorted((before.keywords | after.keywords) & {*LOWER, *UPPER}):
        was, now = before.bound(keyword), after.bound(keyword)
        old, new = _tightness(keyword, was), _tightness(keyword, now)
        yield from changed(after, keyword, _limit(was), _limit(now), less=new > old, more=new < old)


def _tightness(keyword: str, bound: tuple[float, bool] | None) -> tuple[float, bool]:
    """What is larger is tighter."""
    if keyword in LOWER:
        return bound or (LOWER[keyword], False)
    return (-bound[0], bound[1]) if bound else (-math.inf, False)


def _limit(bound: tuple[float, bool] | None) -> str | None:
    return bound and f"{bound[0]}{' and excluded' if bound[1] else ''}"
