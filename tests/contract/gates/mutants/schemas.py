"""Mutations of what values may be."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from stockroom.contract.document import Pointer
from tests.contract.gates.mutants.trees import ABSENT, Found, renamed, schemas, sent_schemas

Tree = Mapping[str, Any]
Changes = Iterator[tuple[Pointer, str, Any]]

# By what each bound is loosened.
LOOSER = {
    "minLength": -1,
    "maxLength": 1,
    "minimum": -1,
    "maximum": 1,
    "minItems": -1,
    "maxItems": 1,
    "minProperties": -1,
    "maxProperties": 1,
}
OTHER_TYPE = {"string": "integer", "integer": "string", "boolean": "string", "array": "string"}
# Those that are checked; the others are for people and generators.
OTHER_FORMAT = {"date-time": "date", "uuid": "date-time", "email": "uuid"}


def loosen_bound(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        for bound in schema.keys() & LOOSER.keys():
            value = schema[bound] + LOOSER[bound]
            if value >= 0 or bound == "minimum":
                yield (*pointer, bound), f"{schema[bound]} to {value}", value


def tighten_bound(raw: Tree) -> Changes:
    """Of what clients send: that an answer stays further within its bounds would be no lie."""
    for pointer, schema in sent_schemas(raw):
        for bound in schema.keys() & LOOSER.keys():
            value = schema[bound] - LOOSER[bound]
            yield (*pointer, bound), f"{schema[bound]} to {value}", value


def drop_bound(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        for bound in schema.keys() & LOOSER.keys():
            yield (*pointer, bound), f"no {bound}", ABSENT


def drop_required(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        required = schema.get("required", [])
        for name in required:
            rest = [other for other in required if other != name]
            # An empty list is no OpenAPI 3.0.
            if rest:
                yield (*pointer, "required"), f"without {name}", rest
            else:
                yield (*pointer, "required"), f"without {name}", ABSENT


def add_required(raw: Tree) -> Changes:
    for pointer, schema in _not_in_part(raw):
        required = schema.get("required", [])
        for name in schema.get("properties", {}):
            if name not in required:
                yield (*pointer, "required"), f"and {name}", [*required, name]


def drop_property(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        for name in schema.get("properties", {}):
            yield (*pointer, "properties", name), "dropped", ABSENT


def rename_property(raw: Tree) -> Changes:
    """Consistently: what is required is so under its new name."""
    for pointer, schema in schemas(raw):
        for name in schema.get("properties", {}):
            new = schema | {"properties": renamed(schema["properties"], name, f"{name}_")}
            if name in schema.get("required", ()):
                new["required"] = [f"{name}_" if other == name else other for other in schema["required"]]
            yield pointer, f"{name} is {name}_", new


def add_property(raw: Tree) -> Changes:
    for pointer, schema in _not_in_part(raw):
        if "properties" in schema:
            yield (*pointer, "properties", "colour"), "added", {"type": "string", "maxLength": 20}


def open_object(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if schema.get("additionalProperties") is False:
            yield (*pointer, "additionalProperties"), "open", True


def drop_pattern(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if "pattern" in schema:
            yield (*pointer, "pattern"), "dropped", ABSENT


def loosen_pattern(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if "pattern" in schema:
            yield (*pointer, "pattern"), "the end is not anchored", schema["pattern"].removesuffix("$")


def drop_enum_value(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        for value in schema.get("enum", ()):
            rest = [other for other in schema["enum"] if other != value]
            yield (*pointer, "enum"), f"without {value}", rest or ["other"]


def add_enum_value(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if "enum" in schema:
            yield (*pointer, "enum"), "and other", [*schema["enum"], "other"]


def drop_enum(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if "enum" in schema:
            yield (*pointer, "enum"), "dropped", ABSENT


def drop_nullable(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if schema.get("nullable"):
            yield (*pointer, "nullable"), "dropped", ABSENT


def add_nullable(raw: Tree) -> Changes:
    for pointer, schema in _not_in_part(raw):
        # The text of a parameter is never null, so there it would mean nothing.
        if not schema.get("nullable") and "type" in schema and "parameters" not in pointer:
            yield (*pointer, "nullable"), "added", True


def _not_in_part(raw: Tree) -> Found:
    """Schemas outside `allOf`, where another part says what there is, what is required and not null."""
    return ((pointer, schema) for pointer, schema in schemas(raw) if "allOf" not in pointer)


def change_type(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if schema.get("type") in OTHER_TYPE:
            other = OTHER_TYPE[schema["type"]]
            yield (*pointer, "type"), f"{schema['type']} to {other}", other


def change_format(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if schema.get("format") in OTHER_FORMAT:
            other = OTHER_FORMAT[schema["format"]]
            yield (*pointer, "format"), f"{schema['format']} to {other}", other


def drop_format(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if schema.get("format") in OTHER_FORMAT:
            yield (*pointer, "format"), "dropped", ABSENT


def drop_unique_items(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if schema.get("uniqueItems"):
            yield (*pointer, "uniqueItems"), "dropped", ABSENT


def drop_not(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        if "not" in schema:
            yield (*pointer, "not"), "dropped", ABSENT


def drop_branch(raw: Tree) -> Changes:
    """A branch of `oneOf` goes, from its discriminator too."""
    for pointer, schema in schemas(raw):
        for branch in schema.get("oneOf", ()):
            mapping = schema["discriminator"]["mapping"]
            rest = {name: ref for name, ref in mapping.items() if ref != branch["$ref"]}
            new = schema | {
                "oneOf": [other for other in schema["oneOf"] if other != branch],
                "discriminator": schema["discriminator"] | {"mapping": rest},
            }
            yield pointer, f"without {branch['$ref'].rpartition('/')[2]}", new


def drop_mapping(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        for name in schema.get("discriminator", {}).get("mapping", {}):
            yield (*pointer, "discriminator", "mapping", name), "dropped", ABSENT


def swap_mappings(raw: Tree) -> Changes:
    for pointer, schema in schemas(raw):
        mapping = schema.get("discriminator", {}).get("mapping", {})
        names = list(mapping)
        for one, other in pairwise(names):
            new = mapping | {one: mapping[other], other: mapping[one]}
            yield (*pointer, "discriminator", "mapping"), f"{one} and {other} swapped", new


OPERATORS = (
    loosen_bound,
    tighten_bound,
    drop_bound,
    drop_required,
    add_required,
    drop_property,
    rename_property,
    add_property,
    open_object,
    drop_pattern,
    loosen_pattern,
    drop_enum_value,
    add_enum_value,
    drop_enum,
    drop_nullable,
    add_nullable,
    change_type,
    change_format,
    drop_format,
    drop_unique_items,
    drop_not,
    drop_branch,
    drop_mapping,
    swap_mappings,
)
