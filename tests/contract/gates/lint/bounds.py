"""How large a value can be, in requests and answers alike."""

from collections.abc import Iterator
from typing import Any

from stockroom.contract.document import ContractFault, Document, Pointer
from tests.contract.gates.lint.walk import parts, sent_schemas

# What the runtime checks (`uuid`, `date-time`, `email`), or what says how to show or hold a value.
FORMATS = {"binary", "date-time", "email", "int64", "password", "uuid"}
INT32, INT64 = 2**31 - 1, 2**63 - 1
MOST_UNIQUE = 100


def string_bounds(document: Document) -> Iterator[ContractFault]:
    """A string has a maxLength or an enum."""
    for pointer, schema in _of_type(document, "string"):
        if not schema.keys() & {"maxLength", "enum"}:
            yield pointer, "the string has no maxLength"


def integer_bounds(document: Document) -> Iterator[ContractFault]:
    """A number is an integer with a minimum and a maximum: of 32 bits, or of 64 and then the format int64."""
    for pointer, schema in (*_of_type(document, "integer"), *_of_type(document, "number")):
        if schema["type"] == "number":
            yield pointer, "a number that is no integer is not the same to all who read it"
        elif not schema.keys() >= {"minimum", "maximum"}:
            yield pointer, "the integer lacks a minimum or maximum"
        elif (largest := max(-schema["minimum"] - 1, schema["maximum"])) > INT64:
            yield pointer, "the integer has more than 64 bits"
        elif (largest > INT32) != (schema.get("format") == "int64"):
            yield pointer, "format is int64 where an integer needs more than 32 bits, and only there"


def array_bounds(document: Document) -> Iterator[ContractFault]:
    """An array has maxItems; at most 100 where they are unique, for each is compared with all others."""
    for pointer, schema in _of_type(document, "array"):
        if "maxItems" not in schema:
            yield pointer, "the array has no maxItems"
        elif schema.get("uniqueItems") and schema["maxItems"] > MOST_UNIQUE:
            yield pointer, f"more than {MOST_UNIQUE} items are compared with each other"


def object_bounds(document: Document) -> Iterator[ContractFault]:
    """An object is closed (`additionalProperties: false`), or has maxProperties."""
    for pointer, schema in _of_type(document, "object"):
        if schema.get("additionalProperties") is not False and "maxProperties" not in schema:
            yield pointer, "the object is neither closed nor bounded"


def formats(document: Document) -> Iterator[ContractFault]:
    """A format is one that the service knows."""
    for pointer, schema in parts(document, "schema"):
        if schema.get("format", "int64") not in FORMATS:
            yield (*pointer, "format"), f"the format {schema['format']} is checked by nothing"


def typed_schemas(document: Document) -> Iterator[ContractFault]:
    """A schema has a type, alternatives, or a reference to narrow by `allOf`: other rules go by these."""
    for pointer, schema in parts(document, "schema"):
        if not schema.keys() & {"type", "oneOf", "anyOf", "allOf"}:
            yield pointer, "the schema has no type"
        if not any("$ref" in part for part in schema.get("allOf", [{"$ref": ""}])):
            yield (*pointer, "allOf"), "there is no reference among what is narrowed"


def input_forms(document: Document) -> Iterator[ContractFault]:
    """Text that clients send has a pattern, format or enum, so that no NUL comes in by oversight."""
    for pointer, schema in sent_schemas(document):
        if schema.get("type") == "string" and not schema.keys() & {"pattern", "format", "enum"}:
            yield pointer, "the text that is sent here may hold anything"


def _of_type(document: Document, kind: str) -> Iterator[tuple[Pointer, dict[str, Any]]]:
    return ((pointer, schema) for pointer, schema in parts(document, "schema") if schema.get("type") == kind)
