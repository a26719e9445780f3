"""OpenAPI 3.0 schemas made into JSON Schema validators (draft 4, jsonschema-rs), compiled once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs

from stockroom.contract.discriminator import Discriminated, Validator, branches_of

MAX_ERRORS = 20
# The validator makes all errors before one can be read, each with a copy of what it is about: for a megabyte
# of empty objects that takes half a minute. The largest valid request holds 2,500 values.
MOST_VALUES = 3_000

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def is_uuid(text: str) -> bool:
    return UUID.fullmatch(text) is not None


def is_time(text: str) -> bool:
    """RFC 3339, and a day that exists."""
    if TIME.fullmatch(text) is None:
        return False
    try:
        read_time(text)
    except (ValueError, OverflowError):
        return False
    return True


def read_time(text: str) -> datetime:
    """The moment, in UTC. Raises ValueError or OverflowError where the calendar has none."""
    return datetime.fromisoformat(text.upper()).astimezone(UTC)


class Schemas:
    """The validators of one document. References stay references, so that recursive schemas work."""

    def __init__(self, components: Mapping[str, Any]) -> None:
        self._raw = components
        self._components = {name: draft4(schema) for name, schema in components.items()}

    def validator(self, schema: dict[str, Any]) -> Validator:
        """Raises ValueError for a schema that cannot be compiled."""
        named = self._named(schema)
        branches = branches_of(named)
        if branches is None:
            return self._compiled(schema)
        return Discriminated(
            member=named["discriminator"]["propertyName"],
            branches={name: self._compiled(branch) for name, branch in branches.items()},
            is_object=self._compiled({"type": "object"}),
        )

    def _named(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a reference at the top of `schema` leads to."""
        while "$ref" in schema:
            schema = self._raw.get(schema["$ref"].rpartition("/")[2], {})
        return schema

    def _compiled(self, schema: dict[str, Any]) -> jsonschema_rs.Draft4Validator:
        converted = draft4(schema)
        # A validator keeps a copy of all that it is given: with every component in each, 45 MB a process.
        root = {"allOf": [converted], "components": {"schemas": self._reached_from(converted)}}
        return jsonschema_rs.Draft4Validator(
            root,
            validate_formats=True,
            formats={"uuid": is_uuid, "date-time": is_time},
            # Linear time for every pattern; a pattern that would need backtracking does not compile.
            pattern_options=jsonschema_rs.RegexOptions(),
            # Messages are sent back; what was sent in need not be, a password least of all.
            mask="value",
        )

    def _reached_from(self, schema: Any) -> dict[str, Any]:
        """The components that `schema` refers to, or that one of those does."""
        reached: dict[str, Any] = {}
        waiting = [*_references(schema)]
        while waiting:
            name = waiting.pop()
            if name not in reached and name in self._components:
                reached[name] = self._components[name]
                waiting += _references(reached[name])
        return reached


def draft4(schema: Any) -> Any:
    """The draft 4 form of an OpenAPI 3.0 schema, which differs in `nullable` alone."""
    if isinstance(schema, list):
        return [draft4(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    converted = {
        key: _property_map(value) if key == "properties" else draft4(value)
        for key, value in schema.items()
        if key
        not in ("example", "default", "nullable", "discriminator", "xml", "externalDocs", "description")
    }
    if schema.get("nullable"):
        return {"anyOf": [{"type": "null"}, converted]} if "type" not in converted else _or_null(converted)
    return converted


def _property_map(properties: dict[str, Any]) -> dict[str, Any]:
    # A property may be named like a keyword (`description`, `default`), so the names are left alone.
    return {name: draft4(schema) for name, schema in properties.items()}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    schema = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema


def _references(schema: Any) -> Iterator[str]:
    """The names of the components that stand in a schema as references."""
    if isinstance(schema, list):
        for entry in schema:
            yield from _references(entry)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for entry in schema.values():
            yield from _references(entry)


def faults(validator: Validator, value: Any) -> Iterator[tuple[str, str]]:
    """Each fault of `value` as (JSON pointer (RFC 6901), message), at most twenty.

    Only one is told of a value that holds more than MOST_VALUES others.
    """
    if validator.is_valid(value):
        return
    if _holds_too_many(value):
        yield "", f"value is not valid, and holds more than {MOST_VALUES} others"
        return
    for count, error in enumerate(validator.iter_errors(value)):
        if count == MAX_ERRORS:
            return
        yield pointer(error.instance_path), error.message[:500]


def _holds_too_many(value: Any) -> bool:
    held, ahead = 0, [value]
    while ahead and held <= MOST_VALUES:
        container = ahead.pop()
        if isinstance(container, list | dict):
            held += len(container)
            if held <= MOST_VALUES:
                ahead.extend(container.values() if isinstance(container, dict) else container)
    return held > MOST_VALUES


def pointer(steps: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
