"""OpenAPI 3.0 schemas: what they let through."""

from datetime import UTC, datetime
from typing import Any

import pytest

from stockroom.contract.parameters import converter_of
from stockroom.contract.schemas import Schemas, faults, is_time, is_uuid, pointer

COMPONENTS = {
    "Name": {"type": "string", "maxLength": 3},
    "Kind": {"type": "string", "enum": ["a", "b"], "nullable": True},
    "Tree": {
        "type": "object",
        "properties": {
            "name": {"$ref": "#/components/schemas/Name"},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
        },
    },
    # Properties may be called as keywords are.
    "Words": {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string"},
            "default": {"type": "integer"},
            "nullable": {"type": "boolean"},
            "example": {"type": "string", "nullable": True},
            "properties": {"type": "object", "properties": {"xml": {"type": "string"}}},
        },
    },
}


def ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def is_valid(schema: dict[str, Any], value: Any) -> bool:
    return Schemas(COMPONENTS).validator(schema).is_valid(value)


NULLABLE = [
    pytest.param({"type": "string", "nullable": True}, "a", 1, id="a type"),
    pytest.param({"type": "string", "enum": ["a"], "nullable": True}, "a", "b", id="an enum"),
    pytest.param({"enum": ["a", 1], "nullable": True}, 1, "b", id="an enum of no type"),
    pytest.param({"nullable": True, "allOf": [ref("Name")]}, "abc", "abcd", id="allOf a reference"),
    pytest.param({"nullable": True, "oneOf": [ref("Name"), {"type": "integer"}]}, 1, [], id="oneOf"),
    pytest.param(ref("Kind"), "b", "c", id="a reference to what is nullable"),
    pytest.param({"type": "object", "nullable": True, "required": ["a"]}, {"a": 1}, {}, id="an object"),
    pytest.param(
        {"type": "integer", "nullable": True, "minimum": 0, "maximum": 9}, 9, 10, id="an integer with bounds"
    ),
]


@pytest.mark.parametrize(("schema", "good", "bad"), NULLABLE)
def test_null_is_valid_where_it_is_nullable_in_any_form(schema: dict[str, Any], good: Any, bad: Any) -> None:
    assert is_valid(schema, None)
    assert is_valid(schema, good)
    assert not is_valid(schema, bad)


@pytest.mark.parametrize("schema", [ref("Name"), {"type": "string", "nullable": False}, {"enum": ["a"]}])
def test_null_is_invalid_elsewhere(schema: dict[str, Any]) -> None:
    assert not is_valid(schema, None)


def test_a_schema_may_hold_itself() -> None:
    tree = {"name": "a", "children": [{"name": "b", "children": [{"name": "long"}]}, {"name": 1}]}
    validator = Schemas(COMPONENTS).validator(ref("Tree"))
    assert {where for where, _ in faults(validator, tree)} == {
        "/children/0/children/0/name",
        "/children/1/name",
    }


def test_properties_may_be_called_as_keywords_are() -> None:
    words = {"description": "a", "default": 1, "nullable": True, "example": None, "properties": {"xml": "a"}}
    assert is_valid(ref("Words"), words)
    for name in words:
        assert not is_valid(ref("Words"), {name: []})


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        ({"type": "integer"}, 1.0, False),
        ({"type": "integer"}, True, False),
        ({"type": "integer"}, 10**400, True),
        ({"type": "integer", "maximum": 5}, 10**400, False),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0, False),
        ({"type": "string", "maxLength": 1}, "😀", True),
        ({"type": "array", "uniqueItems": True}, [{"a": n} for n in range(2_000)], True),
        ({"type": "array", "uniqueItems": True}, [1, 2, 1], False),
        ({"type": "string", "pattern": "^(a+)+$"}, "a" * 100_000 + "b", False),
        ({"type": "string", "format": "uuid"}, "0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11", True),
        ({"type": "string", "format": "uuid"}, "nonsense", False),
        ({"type": "string", "format": "date-time"}, "2026-02-30T00:00:00Z", False),
        ({"type": "string", "format": "no-such-format"}, "anything", True),
    ],
)
def test_a_value_is_valid_or_not(schema: dict[str, Any], value: Any, valid: bool) -> None:
    assert is_valid(schema, value) == valid


@pytest.mark.parametrize(
    "text",
    [
        "0b7e9d0e3b1c4f529d7e0d2f6b1c8a11",
        "{0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11}",
        "0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a1",
        "0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11\n",
        "urn:uuid:0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11",
    ],
)
def test_a_uuid_has_its_hyphens_and_nothing_else(text: str) -> None:
    assert not is_uuid(text)
    assert is_uuid("0B7E9D0E-3b1c-4f52-9d7e-0d2f6b1c8a11")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22t10:00:00.5z", datetime(2026, 11, 22, 10, 0, 0, 500_000, UTC)),
        ("2026-11-22 10:00:00.123456789+02:00", datetime(2026, 11, 22, 8, 0, 0, 123_456, UTC)),
        ("2024-02-29T23:59:59-00:30", datetime(2024, 3, 1, 0, 29, 59, tzinfo=UTC)),
    ],
)
def test_a_time_is_rfc_3339_and_reaches_a_handler_in_utc(text: str, moment: datetime) -> None:
    assert is_time(text)
    convert = converter_of({"type": "string", "format": "date-time"})
    assert convert
    assert convert(text) == moment
    assert convert(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T10:00:60Z",
        "2026-11-22T10:00:00",
        "2026-11-22T10:00Z",
        "2026-11-22",
        "20261122T100000Z",
        "2026-11-22T10:00:00+0200",
        "2026-11-22T10:00:00+25:00",
        "2026-11-22T10:00:00Z\n",
        "２026-11-22T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "yesterday",
    ],
)
def test_what_no_calendar_has_is_no_time(text: str) -> None:
    assert not is_time(text)


def test_pointers_are_escaped() -> None:
    assert pointer(["a/b", "c~d", 0]) == "/a~1b/c~0d/0"


def test_faults_name_no_values() -> None:
    schema = {"type": "object", "properties": {"a": {"enum": ["x"]}, "b": {"type": "integer"}}}
    told = dict(faults(Schemas({}).validator(schema), {"a": "sesame", "b": "sesame"}))
    assert told.keys() == {"/a", "/b"}
    assert "sesame" not in str(told)
