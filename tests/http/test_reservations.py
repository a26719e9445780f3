"""Reservations on the wire: held, shown, released, fulfilled, and each refusal with its own problem."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from stockroom.db.database import Database

Client = Any
Headers = dict[str, str]
Hold = Callable[..., httpx.Response]


@pytest.fixture
def manager(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("manager", "mia")


@pytest.fixture
def clerk(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("clerk", "carl")


@pytest.fixture
def hold(client: Client, manager: Headers, clerk: Headers) -> Hold:
    """Hold stock as a clerk; there are 10 of AX-1 and 5 of BO-2 at A-01."""
    post(client, "/locations", manager, {"code": "A-01", "name": "Aisle 1"})
    for sku, quantity in (("AX-1", 10), ("BO-2", 5)):
        post(client, "/items", manager, {"sku": sku, "name": sku})
        lines = [{"sku": sku, "location": "A-01", "quantity": quantity}]
        post(client, "/movements", manager, {"kind": "receipt", "lines": lines})

    def hold(
        *lines: tuple[str, int], headers: Headers | None = None, location: str = "A-01", **members: Any
    ) -> httpx.Response:
        asked = [{"sku": sku, "location": location, "quantity": quantity} for sku, quantity in lines]
        answer: httpx.Response = client.post(
            "/reservations", headers=clerk | (headers or {}), json={"lines": asked, **members}
        )
        return answer

    return hold


def post(client: Client, path: str, headers: Headers, body: Any) -> None:
    answer = client.post(path, headers=headers, json=body)
    assert answer.status_code == 201, answer.text


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def level(client: Client, headers: Headers, sku: str) -> tuple[int, int, int]:
    (found,) = client.get("/levels", headers=headers, params={"sku": sku}).json()["levels"]
    return found["on_hand"], found["reserved"], found["available"]


def test_a_reservation_is_where_its_location_says(client: Client, clerk: Headers, hold: Hold) -> None:
    held = hold(("BO-2", 2), ("AX-1", 3), reference="order-82")
    assert held.status_code == 201
    body = held.json()
    assert held.headers["Location"] == f"/reservations/{body['id']}"
    assert body == {
        "id": body["id"],
        "state": "held",
        "reference": "order-82",
        "expires_at": body["expires_at"],
        "created_at": body["created_at"],
        "created_by": "carl",
        "closed_at": None,
        "movement": None,
        "lines": [
            {"sku": "BO-2", "location": "A-01", "quantity": 2},
            {"sku": "AX-1", "location": "A-01", "quantity": 3},
        ],
    }
    times = [datetime.fromisoformat(body[name]) for name in ("created_at", "expires_at")]
    assert times[1] - times[0] == timedelta(hours=1)
    assert client.get(held.headers["Location"], headers=clerk).json() == body
    assert client.get(f"/reservations/{body['id'].upper()}", headers=clerk).json() == body
    assert level(client, clerk, "AX-1") == (10, 3, 7)


def test_everybody_who_keeps_stock_may_release_any_reservation(
    client: Client, manager: Headers, hold: Hold
) -> None:
    path = hold(("AX-1", 3)).headers["Location"]
    released = client.delete(path, headers=manager)
    assert (released.status_code, released.content) == (204, b"")
    assert client.get(path, headers=manager).json()["state"] == "released"
    assert level(client, manager, "AX-1") == (10, 0, 10)
    assert problem(client.delete(path, headers=manager)) == (409, "reservation-closed")
    assert problem(client.post(f"{path}/fulfilment", headers=manager)) == (409, "reservation-closed")


def test_a_fulfilment_is_a_movement(client: Client, manager: Headers, hold: Hold) -> None:
    path = hold(("AX-1", 3), reference="order-82").headers["Location"]
    fulfilled = client.post(f"{path}/fulfilment", headers=manager)
    assert fulfilled.status_code == 201
    movement = fulfilled.json()
    assert (movement["kind"], movement["reference"], movement["created_by"]) == ("issue", "order-82", "mia")
    assert movement["lines"] == [{"sku": "AX-1", "location": "A-01", "delta": -3}]
    assert fulfilled.headers["Location"] == f"/movements/{movement['id']}"
    assert client.get(fulfilled.headers["Location"], headers=manager).json() == movement
    shown = client.get(path, headers=manager).json()
    assert (shown["state"], shown["movement"]) == ("fulfilled", movement["id"])
    assert level(client, manager, "AX-1") == (7, 0, 7)
    refused = client.post(f"{path}/fulfilment", headers=manager)
    assert problem(refused) == (409, "reservation-closed")
    assert refused.json()["detail"] == "The reservation has been fulfilled."


def test_every_shortage_is_told(client: Client, clerk: Headers, hold: Hold) -> None:
    assert hold(("AX-1", 9)).status_code == 201
    refused = hold(("AX-1", 2), ("BO-2", 6))
    assert problem(refused) == (409, "insufficient-stock")
    assert refused.json()["shortages"] == [
        {"sku": "AX-1", "location": "A-01", "requested": 2, "available": 1},
        {"sku": "BO-2", "location": "A-01", "requested": 6, "available": 5},
    ]
    assert client.get("/reservations", headers=clerk).json()["total"] == 1


@pytest.mark.parametrize(
    "expires_at",
    [
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "tomorrow",
        None,
    ],
)
def test_an_end_that_cannot_be_is_pointed_at(hold: Hold, expires_at: str | None) -> None:
    refused = hold(("AX-1", 1), expires_at=expires_at)
    assert problem(refused) == (400, "validation-failed")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/expires_at"]


@pytest.mark.parametrize("expires_at", ["2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_stock_is_held_until_a_moment_that_is_ahead_and_not_far(hold: Hold, expires_at: str) -> None:
    refused = hold(("AX-1", 1), expires_at=expires_at)
    assert problem(refused) == (400, "expiry-out-of-range")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/expires_at"]


def test_lines_that_are_wrong_are_pointed_at(hold: Hold) -> None:
    refused = hold(("AX-1", 1), ("BO-2", 1), ("AX-1", 1))
    assert problem(refused) == (400, "repeated-line")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/lines/2"]
    refused = hold(("AX-1", 0), ("BO-2", 10**12 + 1))
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        "/lines/0/quantity",
        "/lines/1/quantity",
    ]
    assert problem(hold()) == (400, "validation-failed")
    assert problem(hold(*[("AX-1", 1)] * 501)) == (400, "validation-failed")


def test_what_does_not_exist_is_named(client: Client, clerk: Headers, hold: Hold) -> None:
    refused = hold(("NO-1", 1), ("AX-1", 1), ("NO-2", 1))
    assert problem(refused) == (404, "not-found")
    assert refused.json()["detail"] == "There is no item NO-1, no item NO-2."
    for method, suffix in (("GET", ""), ("DELETE", ""), ("POST", "/fulfilment")):
        path = f"/reservations/{uuid4()}{suffix}"
        assert problem(client.request(method, path, headers=clerk)) == (404, "not-found")
        odd = client.request(method, f"/reservations/7{suffix}", headers=clerk)
        assert problem(odd) == (400, "validation-failed")


def test_what_is_archived_is_not_held(client: Client, manager: Headers, hold: Hold) -> None:
    post(client, "/items", manager, {"sku": "OLD", "name": "Old"})
    post(client, "/locations", manager, {"code": "A-02", "name": "Aisle 2"})
    for path in ("/items/OLD", "/locations/A-02"):
        assert client.delete(path, headers=manager | {"If-Match": "*"}).status_code == 204
    assert problem(hold(("OLD", 1))) == (409, "item-archived")
    assert problem(hold(("AX-1", 1), location="A-02")) == (409, "location-archived")


def test_what_is_reserved_keeps_its_item_from_the_archive(
    client: Client, manager: Headers, hold: Hold
) -> None:
    hold(("AX-1", 1))
    answer = client.delete("/items/AX-1", headers=manager | {"If-Match": "*"})
    assert problem(answer) == (409, "item-in-use")


def test_viewers_see_reservations_and_make_none(
    client: Client, sign_in: Callable[..., Headers], hold: Hold
) -> None:
    viewer, path = sign_in("viewer"), hold(("AX-1", 1)).headers["Location"]
    assert client.get(path, headers=viewer).status_code == 200
    assert client.get("/reservations", headers=viewer).json()["total"] == 1
    assert problem(hold(("AX-1", 1), headers=viewer)) == (403, "insufficient-scope")
    assert problem(client.delete(path, headers=viewer)) == (403, "insufficient-scope")
    assert problem(client.post(f"{path}/fulfilment", headers=viewer)) == (403, "insufficient-scope")


def test_the_list_has_the_newest_first_and_is_walked_by_links(
    client: Client, clerk: Headers, hold: Hold
) -> None:
    held = [hold(("AX-1", 1), reference=f"order {number // 4}").json() for number in range(5)]
    client.delete(f"/reservations/{held[1]['id']}", headers=clerk)
    expected = sorted(held[:1] + held[2:4], key=lambda one: (one["created_at"], one["id"]), reverse=True)
    found, following = [], "/reservations?per_page=2&state=held&reference=order%200"
    while following:
        answer = client.get(following, headers=clerk)
        found += answer.json()["reservations"]
        assert answer.json()["total"] == 3
        following = answer.json()["next"]
        assert answer.headers.get("Link") == (f'<{following}>; rel="next"' if following else None)
    assert found == expected
    assert client.get("/reservations?state=released", headers=clerk).json()["total"] == 1
    assert problem(client.get("/reservations?state=gone", headers=clerk)) == (400, "validation-failed")
    assert problem(client.get("/reservations?cursor=x", headers=clerk)) == (400, "validation-failed")


def test_an_expired_reservation_is_shown_so_and_holds_nothing(
    serve: Callable[..., Client], database: Database, clerk: Headers, hold: Hold
) -> None:
    end = database.clock() + timedelta(minutes=5)
    held = hold(("AX-1", 10), expires_at=end.isoformat()).json()
    # By the clock of this process the time has come.
    ahead = serve(replace(database, clock=lambda: end))
    path = f"/reservations/{held['id']}"
    expired = held | {"state": "expired", "closed_at": held["expires_at"]}
    assert ahead.get(path, headers=clerk).json() == expired
    assert ahead.get("/reservations?state=expired", headers=clerk).json()["reservations"] == [expired]
    assert ahead.get("/reservations?state=held", headers=clerk).json()["total"] == 0
    assert level(ahead, clerk, "AX-1") == (10, 0, 10)
    refused = ahead.post(f"{path}/fulfilment", headers=clerk)
    assert problem(refused) == (409, "reservation-closed")
    assert refused.json()["detail"] == "The reservation has expired."
