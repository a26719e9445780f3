"""The ledger on the wire: movements recorded, listed, read and reversed, each refusal its own problem."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from stockroom.db.database import Database
from stockroom.stock import movements
from stockroom.stock.rules import MOST

Client = Any
Headers = dict[str, str]
Record = Callable[..., httpx.Response]

LINE = {"sku": "AX-1", "location": "A-01", "quantity": 3}


@pytest.fixture
def manager(client: Client, sign_in: Callable[..., Headers]) -> Headers:
    """A manager's token, in a stockroom of two items and two locations."""
    headers = sign_in("manager", "mia")
    for code in ("A-01", "A-02"):
        assert client.post("/locations", headers=headers, json={"code": code, "name": code}).is_success
    for sku in ("AX-1", "BO-2"):
        assert client.post("/items", headers=headers, json={"sku": sku, "name": sku}).is_success
    return headers


@pytest.fixture
def clerk(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("clerk", "carl")


@pytest.fixture
def record(client: Client, manager: Headers, clerk: Headers) -> Record:
    """Record a movement as a clerk, of one line unless others are given."""

    def record(kind: str, *, headers: Headers | None = None, **members: Any) -> httpx.Response:
        body = {"kind": kind, "lines": [LINE], **members}
        answer: httpx.Response = client.post("/movements", headers=clerk | (headers or {}), json=body)
        return answer

    return record


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def ids(answer: httpx.Response) -> list[int]:
    return [movement["id"] for movement in answer.json()["movements"]]


# Recording and reading


def test_a_movement_is_where_its_location_says(client: Client, clerk: Headers, record: Record) -> None:
    members = {"reference": "order-81", "note": "early", "occurred_at": "2026-11-22T12:00:00.123999+02:00"}
    answer = record("receipt", **members)
    assert answer.status_code == 201
    movement = answer.json()
    assert movement["occurred_at"] == "2026-11-22T10:00:00.123Z"
    assert (movement["created_by"], movement["reference"]) == ("carl", "order-81")
    assert movement["lines"] == [{"sku": "AX-1", "location": "A-01", "delta": 3}]
    assert answer.headers["Location"] == f"/movements/{movement['id']}"
    assert client.get(answer.headers["Location"], headers=clerk).json() == movement


def test_a_transfer_has_a_line_for_each_end(record: Record) -> None:
    record("receipt")
    line = {"sku": "AX-1", "from": "A-01", "to": "A-02", "quantity": 2}
    assert record("transfer", lines=[line]).json()["lines"] == [
        {"sku": "AX-1", "location": "A-01", "delta": -2},
        {"sku": "AX-1", "location": "A-02", "delta": 2},
    ]


@pytest.mark.parametrize("number", [1, 2**53 - 1])
def test_a_movement_that_is_not_there_is_not_found(number: int, client: Client, clerk: Headers) -> None:
    assert problem(client.get(f"/movements/{number}", headers=clerk)) == (404, "not-found")
    assert problem(client.post(f"/movements/{number}/reversal", headers=clerk)) == (404, "not-found")


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.0", str(2**53), str(10**30)])
def test_what_is_no_id_is_not_valid(number: str, client: Client, clerk: Headers) -> None:
    assert problem(client.get(f"/movements/{number}", headers=clerk)) == (400, "validation-failed")
    assert problem(client.post(f"/movements/{number}/reversal", headers=clerk)) == (400, "validation-failed")


# Refusals


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        pytest.param({"lines": [LINE] * 501}, ["/lines"], id="501 lines"),
        pytest.param({"lines": [LINE | {"quantity": 0}]}, ["/lines/0/quantity"], id="zero"),
        pytest.param({"lines": [LINE | {"quantity": -1}]}, ["/lines/0/quantity"], id="negative"),
        pytest.param({"lines": [LINE | {"quantity": 1.5}]}, ["/lines/0/quantity"], id="a fraction"),
        pytest.param(
            {"occurred_at": "0001-01-01T00:00:00+01:00"}, ["/occurred_at"], id="before the calendar"
        ),
        pytest.param({"occurred_at": "9999-12-31T23:59:59-01:00"}, ["/occurred_at"], id="after the calendar"),
        pytest.param({"occurred_at": "2026-02-30T00:00:00Z"}, ["/occurred_at"], id="no day"),
        pytest.param({"occurred_at": "2026-02-20"}, ["/occurred_at"], id="no time"),
        pytest.param({"reverses": 1}, [""], id="a member of the ledger's own"),
    ],
)
def test_what_is_wrong_with_a_movement_is_pointed_at(
    changes: dict[str, Any], pointers: list[str], record: Record
) -> None:
    answer = record("receipt", **changes)
    assert problem(answer) == (400, "validation-failed")
    assert [error["pointer"] for error in answer.json()["errors"]] == pointers


def test_the_same_line_twice_is_refused(record: Record) -> None:
    answer = record("receipt", lines=[LINE, LINE])
    assert problem(answer) == (400, "repeated-line")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/lines/1"]


def test_a_transfer_to_the_same_place_is_refused(record: Record) -> None:
    line = {"sku": "AX-1", "from": "A-01", "to": "A-01", "quantity": 2}
    answer = record("transfer", lines=[line])
    assert problem(answer) == (400, "same-location")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/lines/0/to"]


def test_every_shortage_is_told_at_once(client: Client, clerk: Headers, record: Record) -> None:
    record("receipt")
    lines = [LINE | {"quantity": 4}, LINE | {"sku": "BO-2"}, LINE | {"location": "A-02", "quantity": 1}]
    answer = record("issue", lines=lines)
    assert problem(answer) == (409, "insufficient-stock")
    assert answer.json()["shortages"] == [
        {"sku": "AX-1", "location": "A-01", "requested": 4, "available": 3},
        {"sku": "BO-2", "location": "A-01", "requested": 3, "available": 0},
        {"sku": "AX-1", "location": "A-02", "requested": 1, "available": 0},
    ]
    assert client.get("/movements", headers=clerk).json()["total"] == 1


def test_what_is_unknown_or_archived_does_not_move(client: Client, manager: Headers, record: Record) -> None:
    assert problem(record("receipt", lines=[LINE | {"sku": "NO-1"}])) == (404, "not-found")
    assert problem(record("receipt", lines=[LINE | {"location": "NO-1"}])) == (404, "not-found")
    for path in ("/items/BO-2", "/locations/A-02"):
        assert client.delete(path, headers=manager | {"If-Match": "*"}).status_code == 204
    assert problem(record("receipt", lines=[LINE | {"sku": "BO-2"}])) == (409, "item-archived")
    assert problem(record("receipt", lines=[LINE | {"location": "A-02"}])) == (409, "location-archived")


def test_a_viewer_moves_nothing(client: Client, sign_in: Callable[..., Headers], record: Record) -> None:
    movement = record("receipt").json()
    viewer = sign_in("viewer", "vic")
    body = {"kind": "receipt", "lines": [LINE]}
    assert client.post("/movements", headers=viewer, json=body).status_code == 403
    assert client.post(f"/movements/{movement['id']}/reversal", headers=viewer).status_code == 403
    assert client.get(f"/movements/{movement['id']}", headers=viewer).status_code == 200


# Reversing


def test_a_movement_is_reversed_once(client: Client, clerk: Headers, record: Record) -> None:
    movement = record("receipt", reference="order-81").json()
    answer = client.post(f"/movements/{movement['id']}/reversal", headers=clerk)
    assert answer.status_code == 201
    reversal = answer.json()
    assert answer.headers["Location"] == f"/movements/{reversal['id']}"
    assert (reversal["kind"], reversal["reverses"]) == ("reversal", movement["id"])
    assert reversal["lines"] == [{"sku": "AX-1", "location": "A-01", "delta": -3}]
    again = client.post(f"/movements/{movement['id']}/reversal", headers=clerk)
    assert problem(again) == (409, "already-reversed")
    assert f"movement {reversal['id']}." in again.json()["detail"]
    back = client.post(f"/movements/{reversal['id']}/reversal", headers=clerk)
    assert problem(back) == (409, "not-reversible")
    read = client.get(f"/movements/{movement['id']}", headers=clerk).json()
    assert read == movement | {"reversed_by": reversal["id"]}


def test_a_reversal_takes_no_stock_that_is_gone(client: Client, clerk: Headers, record: Record) -> None:
    movement = record("receipt").json()
    record("issue", lines=[LINE | {"quantity": 1}])
    answer = client.post(f"/movements/{movement['id']}/reversal", headers=clerk)
    assert problem(answer) == (409, "insufficient-stock")
    assert answer.json()["shortages"][0]["available"] == 2


@pytest.mark.parametrize(("thing", "path"), [("item", "/items/AX-1"), ("location", "/locations/A-01")])
def test_a_reversal_brings_nothing_back_to_what_is_archived(
    thing: str, path: str, client: Client, manager: Headers, clerk: Headers, record: Record
) -> None:
    record("receipt")
    issue = record("issue").json()
    assert client.delete(path, headers=manager | {"If-Match": "*"}).status_code == 204
    answer = client.post(f"/movements/{issue['id']}/reversal", headers=clerk)
    assert problem(answer) == (409, f"{thing}-archived")


def test_a_balance_stays_within_what_the_ledger_holds(
    client: Client, clerk: Headers, record: Record, database: Database
) -> None:
    record("receipt")
    issue = record("issue").json()
    # More than one request may bring; a thousand of them may.
    with database.work() as work:
        movements.record(work, kind="receipt", lines=[LINE | {"quantity": MOST}], by="carl")
    assert problem(record("receipt")) == (409, "balance-out-of-range")
    reversal = client.post(f"/movements/{issue['id']}/reversal", headers=clerk)
    assert problem(reversal) == (409, "balance-out-of-range")


def test_of_reversals_at_once_one_succeeds(client: Client, clerk: Headers, record: Record) -> None:
    path = f"/movements/{record('receipt').json()['id']}/reversal"
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.post(path, headers=clerk).status_code, range(2)))
    assert sorted(answers) == [201, 409]


# Listing


def test_the_ledger_is_walked_by_its_links(client: Client, clerk: Headers, record: Record) -> None:
    for number in range(5):
        record("receipt", reference=f"order {number % 2}")
    url = "/movements?per_page=1&reference=order%200&sku=AX-1"
    url += "&since=2001-01-01T00:00:00Z&until=2999-01-01T00:00:00.5Z"
    walked = []
    while url:
        page = client.get(url, headers=clerk)
        assert page.status_code == 200, page.text
        walked += ids(page)
        url = page.json()["next"]
    assert len(walked) == 3
    assert walked == sorted(walked, reverse=True)
    assert walked == ids(client.get("/movements", headers=clerk, params={"reference": "order 0"}))


def test_the_ledger_is_filtered(client: Client, clerk: Headers, record: Record) -> None:
    receipt = record("receipt", lines=[LINE, LINE | {"sku": "BO-2"}]).json()["id"]
    issue = record("issue").json()["id"]

    def found(**params: str) -> list[int]:
        return ids(client.get("/movements", headers=clerk, params=params))

    assert found(sku="AX-1") == found(location="A-01") == [issue, receipt]
    assert found(sku="BO-2") == found(kind="receipt") == [receipt]
    assert found(sku="NO-1") == found(location="NO-1") == found(kind="count") == []
    assert found(until="2001-01-01T00:00:00Z") == found(since="2999-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", "gift"), ("since", "yesterday"), ("until", "2026-11-22"), ("reference", ""), ("cursor", "x")],
)
def test_filters_are_held_against_the_contract(name: str, value: str, client: Client, clerk: Headers) -> None:
    answer = client.get("/movements", headers=clerk, params={name: value})
    assert problem(answer) == (400, "validation-failed")
    assert answer.json()["errors"][0]["parameter"] == name


@pytest.mark.parametrize("kind", ["receipt", "issue", "transfer", "adjustment"])
@pytest.mark.parametrize("lines", [[], None], ids=["empty", "null"])
def test_a_movement_of_any_kind_has_lines(kind: str, lines: list[Any] | None, record: Record) -> None:
    answer = record(kind, lines=lines)
    assert problem(answer) == (400, "validation-failed")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/lines"]
