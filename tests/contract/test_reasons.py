"""Reasons in words, made from the contract's schemas."""

from typing import Any

import pytest

from stockroom.contract.document import CONTRACT, read_document
from stockroom.contract.reasons import PATTERN_WORDS
from stockroom.contract.rows import row_validator
from stockroom.imports.kinds import KINDS

COMPONENTS: dict[str, Any] = read_document(CONTRACT).raw["components"]["schemas"]

CODE = "letters (A to Z, a to z), digits, `.`, `_` and `-`, beginning with a letter or digit"
ITEM = {"sku": "a", "name": "A"}
MOVEMENT = {"sku": "a", "location": "X", "quantity": 1}


@pytest.mark.parametrize(
    ("schema", "row", "name", "reason"),
    [
        ("NewItem", ITEM | {"sku": "FT232BL/TR"}, "sku", f"sku must be {CODE}"),
        ("NewItem", ITEM | {"name": "x" * 201}, "name", "name is longer than 200 characters"),
        ("NewItem", ITEM | {"reorder_point": -1}, "reorder_point", "reorder_point is less than 0"),
        (
            *("NewItem", ITEM | {"reorder_point": 10**13}),
            *("reorder_point", "reorder_point is more than 1000000000000"),
        ),
        ("NewItem", ITEM | {"tags": [f"t{n}" for n in range(21)]}, "tags", "tags has more than 20 entries"),
        ("MovementRow", MOVEMENT | {"quantity": 0}, "quantity", "quantity must not be 0"),
        (
            "MovementRow",
            MOVEMENT | {"occurred_at": "noon"},
            "occurred_at",
            "occurred_at is not a valid date-time",
        ),
        ("MovementRow", MOVEMENT | {"note": ""}, "note", "note is shorter than 1 character"),
    ],
)
def test_a_fault_is_put_into_words(schema: str, row: dict[str, Any], name: str, reason: str) -> None:
    assert row_validator(schema)(row) == [(name, reason)]


def test_whatever_else_is_wrong_is_told_too() -> None:
    ((name, reason),) = row_validator("NewItem")({"sku": "a"})
    assert (name, reason) == (None, 'the row is not as the contract says: "name" is a required property')


@pytest.mark.parametrize("schema", sorted({kind.schema for kind in KINDS.values()}))
def test_every_pattern_of_a_row_is_put_into_words(schema: str) -> None:
    silent = [part for part in parts(COMPONENTS[schema]) if "pattern" in part and PATTERN_WORDS not in part]
    assert silent == []


def parts(schema: Any) -> list[dict[str, Any]]:
    """A schema and those within it, references followed."""
    if isinstance(schema, list):
        return [part for entry in schema for part in parts(entry)]
    if not isinstance(schema, dict):
        return []
    if "$ref" in schema:
        return parts(COMPONENTS[schema["$ref"].rpartition("/")[2]])
    return [schema, *(part for entry in schema.values() for part in parts(entry))]
