"""Levels on the wire: pages with filters and links, and the totals of one item."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Client = Any
Headers = dict[str, str]


@pytest.fixture
def admin(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("admin")


@pytest.fixture
def stock(client: Client, admin: Headers) -> None:
    """Axes at two locations, low; bags at one."""
    for code in ("A-01", "A-02"):
        client.post("/locations", headers=admin, json={"code": code, "name": f"Shelf {code}"})
    client.post("/items", headers=admin, json={"sku": "AX-1", "name": "Axe", "reorder_point": 9})
    client.post("/items", headers=admin, json={"sku": "BG-1", "name": "Bag"})
    lines = [
        {"sku": "AX-1", "location": "A-01", "quantity": 6},
        {"sku": "AX-1", "location": "A-02", "quantity": 2},
        {"sku": "BG-1", "location": "A-01", "quantity": 5},
    ]
    received = client.post("/movements", headers=admin, json={"kind": "receipt", "lines": lines})
    assert received.status_code == 201, received.text


def places(page: dict[str, Any]) -> list[str]:
    return [f"{level['sku']} {level['location']}" for level in page["levels"]]


def test_levels_are_listed_by_item_and_location(client: Client, admin: Headers, stock: None) -> None:
    page = client.get("/levels", headers=admin).json()
    assert places(page) == ["AX-1 A-01", "AX-1 A-02", "BG-1 A-01"]
    assert page["levels"][0] == {
        "sku": "AX-1",
        "location": "A-01",
        "on_hand": 6,
        "reserved": 0,
        "available": 6,
        "reorder_point": 9,
        "low": True,
    }
    assert (page["total"], page["total_is_exact"], page["page"], page["next"]) == (3, True, 1, None)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"sku": "AX-1"}, ["AX-1 A-01", "AX-1 A-02"]),
        ({"location": "A-01"}, ["AX-1 A-01", "BG-1 A-01"]),
        ({"low": "true", "location": "A-01"}, ["AX-1 A-01"]),
        ({"low": "false"}, ["BG-1 A-01"]),
        ({"sku": "ZZ-1"}, []),
    ],
)
def test_links_carry_the_filters(
    client: Client, admin: Headers, stock: None, filters: dict[str, str], expected: list[str]
) -> None:
    answer = client.get("/levels", headers=admin, params={**filters, "per_page": 1, "count": "exact"})
    met = places(answer.json())
    while answer.json()["next"] is not None:
        assert answer.headers["Link"] == f'<{answer.json()["next"]}>; rel="next"'
        answer = client.get(answer.json()["next"], headers=admin)
        met += places(answer.json())
    assert met == expected
    assert answer.json()["total"] == len(expected)


def test_an_item_has_its_levels_and_totals(client: Client, admin: Headers, stock: None) -> None:
    line = {"sku": "AX-1", "location": "A-02", "quantity": 2}
    held = client.post("/reservations", headers=admin, json={"lines": [line]})
    assert held.status_code == 201, held.text
    first = client.get("/items/AX-1/levels", headers=admin, params={"per_page": 1}).json()
    assert (first["sku"], first["totals"]) == ("AX-1", {"on_hand": 8, "reserved": 2, "available": 6})
    assert places(first) == ["AX-1 A-01"]
    assert first["next"].startswith("/items/AX-1/levels?")
    second = client.get(first["next"], headers=admin).json()
    assert second["totals"] == first["totals"]
    assert second["levels"][0]["available"] == 0
    assert second["next"] is None


def test_an_unknown_item_has_no_levels_page(client: Client, admin: Headers) -> None:
    answer: httpx.Response = client.get("/items/AX-1/levels", headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ("low=yes", {"low"}),
        ("sku=no%20spaces&location=%2F", {"sku", "location"}),
        ("cursor=bm9uc2Vuc2U", {"cursor"}),
    ],
)
def test_odd_questions_are_refused(client: Client, admin: Headers, query: str, blamed: set[str]) -> None:
    answer = client.get(f"/levels?{query}", headers=admin)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/validation-failed")
    assert {error["parameter"] for error in answer.json()["errors"]} == blamed


def test_the_summary_tells_of_the_stock(client: Client, admin: Headers, stock: None) -> None:
    found = client.get("/summary", headers=admin).json()
    del found["as_of"]
    assert found == {
        "items": 2,
        "archived_items": 0,
        "locations": 2,
        "units": 13,
        "low_stock": 1,
        "movements_today": 1,
    }
