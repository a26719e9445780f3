"""Schemas as what they amount to: `$ref` and `allOf` followed, each keyword over all that must hold."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import orjson

from stockroom.contract.document import Pointer
from tests.contract.gates.compatibility.nodes import Node

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
LOWER = {"minimum": -math.inf, "minLength": 0, "minItems": 0, "minProperties": 0}
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
UNIONS = ("oneOf", "anyOf")


@dataclass(frozen=True)
class Alternative:
    """A branch of `oneOf` or `anyOf`; `name` is what a discriminator calls it."""

    name: str | None
    pointer: Pointer
    schema: "Schema"

    @property
    def label(self) -> str:
        return self.name or str(self.pointer[-1])


@dataclass(frozen=True)
class Schema:
    """Parts that all must hold; `roots` are those that were asked for, the others follow from `allOf`."""

    roots: tuple[Node, ...]
    parts: tuple[Node, ...]

    @classmethod
    def of(cls, *roots: Node) -> "Schema":
        parts: list[Node] = []
        following = list(roots)
        while following:
            node = following.pop(0)
            if all(node.pointer != part.pointer for part in parts):
                parts.append(node)
                following += node.entries("allOf")
        return cls(roots, tuple(parts))

    @cached_property
    def key(self) -> tuple[Pointer, ...]:
        return tuple(part.pointer for part in self.parts)

    def place(self, keyword: str) -> Pointer:
        """Where `keyword` stands, or would."""
        return (*next((part for part in self.parts if keyword in part), self.parts[0]).pointer, keyword)

    @cached_property
    def types(self) -> frozenset[str]:
        named = {str(part.get("type")) for part in self.parts if "type" in part}
        taken = [frozenset({name, "integer"} if name == "number" else {name}) for name in named]
        types = reduce(frozenset.intersection, taken, TYPES - {"null"})
        return types | {"null"} if all(_takes_null(root) for root in self.roots) else types

    @cached_property
    def enum(self) -> dict[str, Any] | None:
        """The values by their JSON; whether `null` is one of them is a matter of types."""
        enums = [{_json(value): value for value in part.get("enum")} for part in self.parts if "enum" in part]
        if not enums:
            return None
        common = set[str].intersection(*(set(enum) for enum in enums)) - {"null"}
        return {key: value for key, value in enums[0].items() if key in common}

    def bound(self, keyword: str) -> tuple[float, bool] | None:
        """The tightest bound and whether it is itself excluded; None where there is none."""
        exclusive = "exclusive" + keyword[0].upper() + keyword[1:]
        bounds = [(part.get(keyword), part.get(exclusive, False)) for part in self.parts if keyword in part]
        if keyword in UPPER:
            return min(bounds, key=lambda bound: (bound[0], not bound[1]), default=None)
        return max(bounds, default=None)

    def says_as(self, other: "Schema") -> bool:
        """Whether both are written alike; what they refer to may differ all the same."""
        return [part.value for part in self.parts] == [part.value for part in other.parts]

    def meets(self, other: "Schema") -> bool:
        """Whether a value other than `null` can be of the types of both."""
        return bool(self.types & other.types - {"null"})

    def constraints(self, keyword: str) -> frozenset[str]:
        """All values of a keyword each of which holds by itself; `false` is as good as none."""
        values = [part.get(keyword) for part in self.parts if part.get(keyword, False) is not False]
        return frozenset(value if isinstance(value, str) else _json(value) for value in values)

    @property
    def default(self) -> str | None:
        return next((_json(part.get("default")) for part in self.parts if "default" in part), None)

    @property
    def discriminators(self) -> frozenset[str]:
        return frozenset(
            part.get("discriminator")["propertyName"] for part in self.parts if "discriminator" in part
        )

    @cached_property
    def keywords(self) -> frozenset[str]:
        return frozenset(keyword for part in self.parts for keyword in part.value)

    @cached_property
    def required(self) -> frozenset[str]:
        return frozenset(name for part in self.parts for name in part.get("required", ()))

    @cached_property
    def properties(self) -> frozenset[str]:
        return frozenset(name for part in self.parts for name in part.get("properties", ()))

    def member(self, name: str) -> "Schema | None":
        """What holds of the member `name`, by whatever keyword; None if there must be none."""
        return _conjunction(
            part.at("properties", name) if name in part.get("properties", ()) else _others(part)
            for part in self.parts
        )

    @property
    def others(self) -> "Schema | None":
        """What holds of members that are not listed; None if there must be none."""
        return _conjunction(map(_others, self.parts))

    @property
    def items(self) -> "Schema":
        return Schema.of(*(part.at("items") for part in self.parts))

    @property
    def exclusions(self) -> "list[Schema]":
        return [Schema.of(part.at("not")) for part in self.parts if "not" in part]

    @cached_property
    def alternatives(self) -> list[Alternative]:
        """The branches of the first union, each with all else that must hold; none without a union."""
        for index, part in enumerate(self.parts):
            for keyword in (keyword for keyword in UNIONS if keyword in part):
                rest = {name: value for name, value in part.value.items() if name != keyword}
                others = [*self.parts[:index], *self.parts[index + 1 :]]
                others.append(Node(part.document, (*part.pointer, keyword), rest))
                names = _names(part)
                return [
                    Alternative(names.get(raw.get("$ref", "")), branch.pointer, Schema.of(branch, *others))
                    for raw, branch in zip(part.get(keyword), part.entries(keyword), strict=True)
                ]
        return []


def _takes_null(node: Node) -> bool:
    # As the validators have it: `nullable` holds for whatever stands beside it, `allOf` too.
    if node.get("nullable"):
        return True
    return "type" not in node and all(_takes_null(part) for part in node.entries("allOf"))


def _others(part: Node) -> Node | None:
    rule = part.get("additionalProperties", True)
    if rule is False:
        return None
    if rule is True:
        return Node(part.document, (*part.pointer, "additionalProperties"), {})
    return part.at("additionalProperties")


def _conjunction(nodes: Iterable[Node | None]) -> Schema | None:
    found = list(nodes)
    known = [node for node in found if node is not None]
    return Schema.of(*known) if len(known) == len(found) else None


def _names(part: Node) -> dict[str, str]:
    mapping = part.get("discriminator", {}).get("mapping", {})
    return {reference: name for name, reference in mapping.items()}


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
