"""Bodies that are one of several schemas: the member that tells which decides what they are held against."""

from typing import Any

import pytest

from stockroom.contract.schemas import Schemas, faults

LINE = {"sku": "A1", "location": "L1", "quantity": 1}
ONE_OF = [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]
COMPONENTS = {
    "Cat": {
        "type": "object",
        "additionalProperties": False,
        "required": ["kind", "lives"],
        "properties": {
            "kind": {"type": "string", "enum": ["cat"]},
            "lives": {"type": "integer", "maximum": 9},
        },
    },
    "Dog": {"type": "object", "properties": {"kind": {"type": "string", "enum": ["dog"]}}},
    "Pet": {
        "oneOf": ONE_OF,
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"cat": "#/components/schemas/Cat", "dog": "#/components/schemas/Dog"},
        },
    },
}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        pytest.param({"kind": "issue", "lines": []}, ["/lines"], id="no lines"),
        pytest.param({"kind": "issue"}, [""], id="without lines"),
        pytest.param(
            {"kind": "issue", "note": "", "lines": [LINE | {"quantity": 0}, LINE | {"sku": " "}, {}]},
            ["/lines/0/quantity", "/lines/1/sku", "/lines/2", "/lines/2", "/lines/2", "/note"],
            id="many faults",
        ),
        pytest.param({"kind": "adjustment", "lines": [LINE]}, ["/lines/0", "/lines/0"], id="another's line"),
        pytest.param(
            {"kind": "adjustment", "lines": [{"sku": "A1", "location": "L1", "delta": 0}]},
            ["/lines/0/delta"],
            id="an adjustment by nothing",
        ),
        pytest.param({"lines": [LINE]}, ["/kind"], id="no kind"),
        pytest.param({"kind": "count", "lines": [LINE]}, ["/kind"], id="a kind of the ledger's own"),
        pytest.param({"kind": None, "lines": []}, ["/kind"], id="a null"),
        pytest.param({"kind": ["issue"], "lines": []}, ["/kind"], id="a list"),
        pytest.param({}, ["/kind"], id="nothing"),
        pytest.param([LINE], [""], id="no object"),
    ],
)
def test_a_movement_is_told_all_that_is_wrong_with_its_kind(
    body: Any, pointers: list[str], service: Any, ada: dict[str, str]
) -> None:
    answer = service.post("/movements", headers=ada, json=body)
    assert answer.status_code == 400
    assert sorted(error["pointer"] for error in answer.json()["errors"]) == pointers


def test_a_kind_that_is_none_is_answered_with_those_that_are(service: Any, ada: dict[str, str]) -> None:
    answers = [service.post("/movements", headers=ada, json=body).json() for body in ({}, {"kind": "gift"})]
    assert [error["detail"] for answer in answers for error in answer["errors"]] == [
        '"kind" is required: one of "receipt", "issue", "transfer", "adjustment"',
        '"kind" is not one of "receipt", "issue", "transfer", "adjustment"',
    ]


def test_a_value_is_held_against_the_branch_it_names() -> None:
    validator = Schemas(COMPONENTS).validator({"$ref": "#/components/schemas/Pet"})
    assert validator.is_valid({"kind": "cat", "lives": 9})
    assert validator.is_valid({"kind": "dog", "lives": 10})
    assert not validator.is_valid({"kind": "cat", "lives": 10})
    assert [where for where, _ in faults(validator, {"kind": "cat", "lives": 10})] == ["/lives"]


def test_one_of_without_a_mapping_is_what_json_schema_says() -> None:
    validator = Schemas(COMPONENTS).validator({"oneOf": ONE_OF})
    assert validator.is_valid({"kind": "cat", "lives": 9})
    assert [where for where, _ in faults(validator, {"kind": "cow"})] == [""]


@pytest.mark.parametrize(
    "mapping",
    [
        pytest.param({"cat": "#/components/schemas/Cat"}, id="a branch without a name"),
        pytest.param(
            {
                "cat": "#/components/schemas/Cat",
                "dog": "#/components/schemas/Dog",
                "pet": "#/components/schemas/Pet",
            },
            id="a name without a branch",
        ),
    ],
)
def test_a_mapping_that_says_other_than_one_of_is_refused(mapping: dict[str, str]) -> None:
    schema = {"oneOf": ONE_OF, "discriminator": {"propertyName": "kind", "mapping": mapping}}
    with pytest.raises(ValueError, match="mapping"):
        Schemas(COMPONENTS).validator(schema)
