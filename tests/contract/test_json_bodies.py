"""JSON bodies: RFC 8259 without its latitude, all faults with pointers, no value repeated."""

from collections.abc import Callable
from typing import Any

import pytest

from stockroom.contract.body_readers import parse_json
from stockroom.contract.problems import Problem
from tests.contract.asgi import Answer

Ask = Callable[..., Answer]

MALFORMED = [
    pytest.param(b'{"a": 1, "a": 2}', id="a name twice"),
    pytest.param(b'{"b": [{"a": 1, "\\u0061": 2}]}', id="a name twice below, once escaped"),
    pytest.param(b'{"a": NaN}', id="NaN"),
    pytest.param(b'{"a": Infinity}', id="Infinity"),
    pytest.param(b'{"a": -Infinity}', id="-Infinity"),
    pytest.param(b'{"a": "\\ud800"}', id="a leading surrogate alone"),
    pytest.param(b'{"a": "\\udc00x"}', id="a trailing surrogate alone"),
    pytest.param(b'{"\\ud800": 1}', id="a surrogate in a name"),
    pytest.param(b'{"a": "\xed\xa0\x80"}', id="a surrogate in UTF-8"),
    pytest.param(b'{"a": "\xff"}', id="no UTF-8"),
    pytest.param(b'{"a": "\xc0\x80"}', id="overlong UTF-8"),
    pytest.param(b"[" * 10_000, id="depth 10,000, unclosed"),
    pytest.param(b"[" * 10_000 + b"]" * 10_000, id="depth 10,000"),
    pytest.param(b'{"a":' * 10_000 + b"1" + b"}" * 10_000, id="depth 10,000 of objects"),
    pytest.param(b'\xef\xbb\xbf{"a": 1}', id="a byte order mark"),
    pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
    pytest.param('{"a": 1}'.encode("utf-32-le"), id="UTF-32"),
    pytest.param(b" ", id="white space"),
    pytest.param(b'{"a": 1} x', id="something behind it"),
    pytest.param(b'{"a": 1}{"a": 1}', id="two of them"),
    pytest.param(b'{"a": 1}\x00', id="a NUL behind it"),
    pytest.param(b'{"a": "\\u0000"}', id="a NUL, escaped"),
    pytest.param(b'{"\\u0000": 1}', id="a NUL in a name, escaped"),
    pytest.param(b'{"a": [[{"b": "x\\u0000"}]]}', id="a NUL below, escaped"),
    pytest.param(b'{"a": "\x00"}', id="a NUL"),
    pytest.param(b'{"a": "\n"}', id="a line feed in a string"),
    pytest.param(b"{'a': 1}", id="single quotes"),
    pytest.param(b'{"a": 1,}', id="a comma too many"),
    pytest.param(b'{"a": 01}', id="a leading zero"),
    pytest.param(b'{"a": +1}', id="a plus sign"),
    pytest.param(b'{"a": .5}', id="no digit before the point"),
    pytest.param(b'{"a": 1} // no', id="a comment"),
    pytest.param(b'{"a": 1' + b"0" * 5_000 + b"}", id="an integer of 5,000 digits"),
]


@pytest.mark.parametrize("body", MALFORMED)
def test_what_is_no_json_is_malformed(body: bytes, service: Any, ada: dict[str, str]) -> None:
    answer = service.post("/items", headers=ada | {"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/malformed-request"


def test_depth_has_room_for_what_people_mean() -> None:
    assert parse_json(b"[" * 100 + b"]" * 100)
    with pytest.raises(Problem):
        parse_json(b"[" * 250 + b"]" * 250)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize(
    "number",
    [
        "1e400",
        "1.0",
        "1e3",
        "0.5",
        "true",
        '"1"',
        "[]",
        "-1",
        "1000000000001",
        "9223372036854775808",
        "18446744073709551616",
        "1" + "0" * 4_000,
    ],
)
def test_an_integer_is_one_and_within_its_bounds(number: str, service: Any, ada: dict[str, str]) -> None:
    body = f'{{"sku": "A1", "name": "Axe", "reorder_point": {number}}}'
    answer = service.post("/items", headers=ada | {"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/reorder_point"]


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"1", b"true"])
def test_a_body_that_is_no_object_is_told_of_at_its_root(
    body: bytes, service: Any, ada: dict[str, str]
) -> None:
    answer = service.post("/items", headers=ada | {"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [""]


def test_every_fault_is_listed_with_its_pointer(service: Any, ada: dict[str, str]) -> None:
    body = {"sku": " ", "unit": "", "tags": ["ok", "NO", 1], "reorder_point": -1, "colour": "red"}
    answer = service.post("/items", headers=ada, json=body).json()
    assert sorted(error["pointer"] for error in answer["errors"]) == [
        "",
        "",
        "/reorder_point",
        "/sku",
        "/tags/1",
        "/tags/2",
        "/unit",
        "/unit",
    ]
    assert any("colour" in error["detail"] for error in answer["errors"])
    assert any("name" in error["detail"] for error in answer["errors"])


def test_at_most_twenty_faults_are_listed(service: Any, ada: dict[str, str]) -> None:
    body = {"sku": "A1", "name": "Axe", "tags": [f"NO {number}" for number in range(500)]}
    assert len(service.post("/items", headers=ada, json=body).json()["errors"]) == 20


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"username": "sesame", "email": "sesame", "password": "sesame"}, id="too short"),
        pytest.param({"username": 1, "email": 2, "password": ["sesame"]}, id="another type"),
        pytest.param({"username": "ada", "email": "a@b.c", "password": "sesame" * 100}, id="too long"),
    ],
)
def test_no_fault_repeats_what_was_sent(body: Any, service: Any) -> None:
    answer = service.post("/register", json=body)
    assert answer.status_code == 400
    assert "sesame" not in answer.text


def test_json_may_come_in_chunks_and_without_a_length(raw: Ask, token: str) -> None:
    headers = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")]
    chunks = [b'{"username": ', b"", b'"nobody"', b"}"]
    answer = raw("POST", "/login", [*headers, ("Transfer-Encoding", "chunked")], chunks)
    assert [error["detail"] for error in answer.json()["errors"]] == ['"password" is a required property']


def test_of_a_value_with_thousands_of_faults_one_is_told(service: Any, ada: dict[str, str]) -> None:
    """To list them would hold up everybody else for half a minute."""
    body = b'{"location": "A-01", "lines": [' + b"{}," * 300_000 + b"{}]}"
    answer = service.post("/counts", headers=ada | {"Content-Type": "application/json"}, content=body)
    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 1


def test_the_largest_request_that_is_nearly_right_has_its_faults_told(
    service: Any, ada: dict[str, str]
) -> None:
    line = {"sku": "22411", "from": "A-01", "to": "A-02", "quantity": 0}
    answer = service.post("/movements", headers=ada, json={"kind": "transfer", "lines": [line] * 500})
    assert [error["pointer"] for error in answer.json()["errors"]] == [
        f"/lines/{number}/quantity" for number in range(20)
    ]
