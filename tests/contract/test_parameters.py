"""Parameters are what the contract says, to the letter; all that are not are told of."""

from typing import Any

import pytest

from stockroom.contract.parameters import read_boolean, read_integer, read_query
from stockroom.contract.problems import Problem

NO_INTEGER = ["1_000", " 5", "5 ", "+5", "٣", "1e3", "1.0", "0x10", "05", "", "-", "--1", "nan", "5\n"]


@pytest.mark.parametrize("text", [*NO_INTEGER, "9" * 20, "9" * 5_000])
def test_an_integer_is_digits(text: str) -> None:
    with pytest.raises(ValueError, match="value is not an integer"):
        read_integer(text)


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("-0", 0), ("-7", -7), ("9223372036854775807", 2**63 - 1)]
)
def test_digits_are_an_integer(text: str, value: int) -> None:
    assert read_integer(text) == value


@pytest.mark.parametrize("text", ["True", "TRUE", "False", "1", "0", "yes", "", " true"])
def test_a_boolean_is_true_or_false(text: str) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        read_boolean(text)


@pytest.mark.parametrize(
    ("raw", "pairs"),
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(b"&&", {}, id="nothing but separators"),
        pytest.param(b"a", {"a": [""]}, id="a name alone"),
        pytest.param(b"a=1&b=2&a=3", {"a": ["1", "3"], "b": ["2"]}, id="a name twice"),
        pytest.param(b"a=1;b=2", {"a": ["1;b=2"]}, id="a semicolon separates nothing"),
        pytest.param(b"a=b=c", {"a": ["b=c"]}, id="an equals sign in a value"),
        pytest.param(b"%61=%C3%A9+%2B", {"a": ["é +"]}, id="escapes and a plus"),
    ],
)
def test_a_query_is_pairs(raw: bytes, pairs: dict[str, list[str]]) -> None:
    assert read_query(raw) == pairs


@pytest.mark.parametrize(
    "raw",
    [b"q=%", b"q=%4", b"q=%zz", b"%=1", b"q=%ff", b"q=\xff", b"q=%ed%a0%80", b"q=%c0%80", b"q=%00", b"%00=1"],
)
def test_a_query_that_cannot_be_decoded_is_malformed(raw: bytes) -> None:
    with pytest.raises(Problem) as caught:
        read_query(raw)
    assert caught.value.code == "malformed-request"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        *(
            pytest.param(f"page={text}", "page", id=f"page {text!r:.20}")
            for text in ["1_000", "%2B5", "%D9%A3", "1e3"]
        ),
        pytest.param("page=0", "page", id="below the minimum"),
        pytest.param("page=9223372036854775808", "page", id="beyond 64 bits"),
        pytest.param("page=" + "1" * 5_000, "page", id="5,000 digits"),
        pytest.param("per_page=101", "per_page", id="above the maximum"),
        pytest.param("page=1&page=1", "page", id="twice"),
        pytest.param("page=", "page", id="empty"),
        pytest.param("archived=True", "archived", id="True"),
        pytest.param("archived=1", "archived", id="1 for true"),
        pytest.param("sort=name;drop", "sort", id="none of the enum"),
        pytest.param("tag=CHRISTMAS", "tag", id="against the pattern"),
        pytest.param("Page=1", "Page", id="a name in capitals"),
        pytest.param("page[]=1", "page[]", id="a name with brackets"),
        pytest.param("=1", "", id="no name"),
    ],
)
def test_a_parameter_that_is_not_as_declared_is_told_of_by_name(
    query: str, parameter: str, service: Any, ada: dict[str, str]
) -> None:
    answer = service.get(f"/items?{query}", headers=ada)
    assert answer.status_code == 400
    assert answer.json()["type"] == "/problems/validation-failed"
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]


def test_all_faults_are_told_at_once(service: Any, ada: dict[str, str]) -> None:
    answer = service.get("/items?page=x&per_page=0&archived=yes&nope=1", headers=ada).json()
    assert {error["parameter"] for error in answer["errors"]} == {"page", "per_page", "archived", "nope"}
    assert answer["detail"] == "4 values are not what this operation takes."


def test_of_very_many_faults_the_first_twenty_are_listed(service: Any, ada: dict[str, str]) -> None:
    query = "&".join(f"unknown{number}=1" for number in range(500))
    answer = service.get(f"/items?{query}", headers=ada).json()
    assert len(answer["errors"]) == 20
    assert answer["detail"] == "500 values are not what this operation takes; the first 20 are listed."


def test_a_query_is_checked_where_none_is_declared(service: Any) -> None:
    assert service.get("/?debug=1").status_code == 400
    assert service.get("/?%zz").json()["type"] == "/problems/malformed-request"


@pytest.mark.parametrize("sku", ["%C3%A9", "a%3fb", "a b", "x" * 65, ".hidden", "-x"])
def test_a_path_parameter_is_held_against_its_pattern(sku: str, service: Any, ada: dict[str, str]) -> None:
    answer = service.get(f"/items/{sku}", headers=ada)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "sku"


@pytest.mark.parametrize(
    "id", ["1", "0b7e9d0e3b1c4f529d7e0d2f6b1c8a11", "0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a1g"]
)
def test_a_uuid_is_one(id: str, service: Any, ada: dict[str, str]) -> None:
    assert service.get(f"/tasks/{id}", headers=ada).status_code == 400


@pytest.mark.parametrize("value", ["v7", "", '"v7', "*, *", '"v7" "v8"', '"a"' * 200])
def test_a_header_is_held_against_its_pattern(value: str, service: Any, ada: dict[str, str]) -> None:
    answer = service.delete("/items/A1", headers=ada | {"If-Match": value})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == "If-Match"
