"""Counts on the wire: differences recorded, stale counts told line by line."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Client = Any
Headers = dict[str, str]
Count = Callable[..., httpx.Response]


@pytest.fixture
def clerk(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("clerk", "carl")


@pytest.fixture
def count(client: Client, sign_in: Callable[..., Headers], clerk: Headers) -> Count:
    """Count at A-01, where there are 10 of AX-1 and none of BO-2."""
    manager = sign_in("manager", "mia")
    receipt = {"kind": "receipt", "lines": [{"sku": "AX-1", "location": "A-01", "quantity": 10}]}
    for path, body in (
        ("/locations", {"code": "A-01", "name": "Aisle 1"}),
        ("/items", {"sku": "AX-1", "name": "Axe"}),
        ("/items", {"sku": "BO-2", "name": "Bow"}),
        ("/movements", receipt),
    ):
        assert client.post(path, headers=manager, json=body).status_code == 201

    def count(*lines: dict[str, Any], headers: Headers | None = None, **members: Any) -> httpx.Response:
        body = {"location": "A-01", "lines": lines, **members}
        answer: httpx.Response = client.post("/counts", headers=clerk | (headers or {}), json=body)
        return answer

    return count


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_a_count_is_a_movement_of_the_differences(client: Client, clerk: Headers, count: Count) -> None:
    answer = count(
        {"sku": "AX-1", "counted": 8, "expected": 10}, {"sku": "BO-2", "counted": 0}, reference="r-4"
    )
    assert answer.status_code == 201
    movement = answer.json()
    assert (movement["kind"], movement["reference"], movement["created_by"]) == ("count", "r-4", "carl")
    assert movement["lines"] == [{"sku": "AX-1", "location": "A-01", "delta": -2}]
    assert answer.headers["Location"] == f"/movements/{movement['id']}"
    assert client.get(answer.headers["Location"], headers=clerk).json() == movement


def test_a_count_as_booked_has_no_lines(count: Count) -> None:
    answer = count({"sku": "AX-1", "counted": 10})
    assert (answer.status_code, answer.json()["lines"]) == (201, [])


def test_a_stale_count_is_told_line_by_line(client: Client, clerk: Headers, count: Count) -> None:
    answer = count({"sku": "AX-1", "counted": 8, "expected": 9}, {"sku": "BO-2", "counted": 1, "expected": 1})
    assert problem(answer) == (409, "count-stale")
    assert answer.json()["stale"] == [
        {"sku": "AX-1", "location": "A-01", "expected": 9, "on_hand": 10},
        {"sku": "BO-2", "location": "A-01", "expected": 1, "on_hand": 0},
    ]
    assert client.get("/movements", headers=clerk).json()["total"] == 1


def test_less_than_is_reserved_is_not_counted(client: Client, clerk: Headers, count: Count) -> None:
    held = {"lines": [{"sku": "AX-1", "location": "A-01", "quantity": 6}]}
    assert client.post("/reservations", headers=clerk, json=held).status_code == 201
    answer = count({"sku": "AX-1", "counted": 5})
    assert problem(answer) == (409, "insufficient-stock")
    assert answer.json()["shortages"] == [{"sku": "AX-1", "location": "A-01", "requested": 5, "available": 4}]


@pytest.mark.parametrize(
    ("lines", "pointers"),
    [
        pytest.param([], ["/lines"], id="no lines"),
        pytest.param([{"sku": "AX-1", "counted": -1}], ["/lines/0/counted"], id="negative"),
        pytest.param([{"sku": "AX-1"}], ["/lines/0"], id="not counted"),
        pytest.param([{"sku": "AX-1", "counted": 1, "expected": None}], ["/lines/0/expected"], id="a null"),
    ],
)
def test_what_is_wrong_with_a_count_is_pointed_at(lines: Any, pointers: list[str], count: Count) -> None:
    answer = count(*lines)
    assert problem(answer) == (400, "validation-failed")
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


def test_what_is_counted_twice_is_refused(count: Count) -> None:
    answer = count({"sku": "AX-1", "counted": 1}, {"sku": "AX-1", "counted": 1})
    assert problem(answer) == (400, "repeated-line")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/lines/1"]


def test_only_what_there_is_is_counted(count: Count) -> None:
    assert problem(count({"sku": "NO-1", "counted": 1})) == (404, "not-found")
    assert problem(count({"sku": "AX-1", "counted": 1}, location="NO-1")) == (404, "not-found")


def test_at_an_archived_location_nothing_is_counted(
    client: Client, sign_in: Callable[..., Headers], count: Count
) -> None:
    admin = sign_in("admin")
    client.post("/locations", headers=admin, json={"code": "A-02", "name": "Aisle 2"})
    assert client.delete("/locations/A-02", headers=admin | {"If-Match": "*"}).status_code == 204
    answer = count({"sku": "AX-1", "counted": 1}, location="A-02")
    assert problem(answer) == (409, "location-archived")


def test_an_archived_item_is_not_counted(
    client: Client, sign_in: Callable[..., Headers], count: Count
) -> None:
    admin = sign_in("admin")
    client.post("/items", headers=admin, json={"sku": "BX-1", "name": "Box"})
    assert client.delete("/items/BX-1", headers=admin | {"If-Match": "*"}).status_code == 204
    assert problem(count({"sku": "BX-1", "counted": 1})) == (409, "item-archived")
