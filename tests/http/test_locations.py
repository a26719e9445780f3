"""Locations on the wire: ETags and preconditions, merge-patches, links and refusals."""

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
def add(client: Client, admin: Headers) -> Callable[..., httpx.Response]:
    def add(code: str = "A-01", name: str = "Aisle A", **members: Any) -> httpx.Response:
        answer: httpx.Response = client.post(
            "/locations", headers=admin, json={"code": code, "name": name, **members}
        )
        assert answer.status_code == 201, answer.text
        return answer

    return add


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def codes(page: dict[str, Any]) -> list[str]:
    return [location["code"] for location in page["locations"]]


def test_a_new_location_is_where_its_header_says(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    created = add()
    assert (created.headers["Location"], created.headers["ETag"]) == ("/locations/A-01", '"v1"')
    assert created.json() == {
        "code": "A-01",
        "name": "Aisle A",
        "description": None,
        "archived": False,
        "version": 1,
        "created_at": created.json()["created_at"],
        "updated_at": created.json()["created_at"],
    }
    read = client.get(created.headers["Location"], headers=admin)
    assert read.json() == created.json()
    assert read.headers["ETag"] == '"v1"'
    assert read.headers["Cache-Control"] == "private, no-cache"


def test_a_code_is_given_once(client: Client, admin: Headers, add: Callable[..., httpx.Response]) -> None:
    add()
    again = client.post("/locations", headers=admin, json={"code": "A-01", "name": "Another"})
    assert problem(again) == (409, "location-taken")


def test_an_unknown_location_is_nowhere(client: Client, admin: Headers) -> None:
    headers = admin | {"If-Match": "*"}
    assert problem(client.get("/locations/A-01", headers=admin)) == (404, "not-found")
    changed = client.patch("/locations/A-01", headers=headers, json={"name": "Aisle"})
    assert problem(changed) == (404, "not-found")
    assert problem(client.delete("/locations/A-01", headers=headers)) == (404, "not-found")


def test_a_merge_patch_changes_what_it_names(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    created = add(description="Left").json()
    headers = admin | {"If-Match": '"v1"', "Content-Type": "application/merge-patch+json"}
    changed = client.patch("/locations/A-01", headers=headers, content='{"description": null}')
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"v2"')
    expected = {"description": None, "version": 2, "updated_at": changed.json()["updated_at"]}
    assert changed.json() == created | expected


@pytest.mark.parametrize("change", [{"name": None}, {"code": "B-01"}, {"version": 7}, {}])
def test_what_cannot_be_patched_is_refused(
    client: Client, admin: Headers, add: Callable[..., httpx.Response], change: dict[str, Any]
) -> None:
    add()
    answer = client.patch("/locations/A-01", headers=admin | {"If-Match": "*"}, json=change)
    assert problem(answer) == (400, "validation-failed")


def test_an_archived_location_leaves_the_list_until_it_is_brought_back(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    add()
    archived = client.delete("/locations/A-01", headers=admin | {"If-Match": '"v1"'})
    assert (archived.status_code, archived.content) == (204, b"")
    assert codes(client.get("/locations", headers=admin).json()) == []
    assert codes(client.get("/locations?archived=true", headers=admin).json()) == ["A-01"]
    back = client.patch("/locations/A-01", headers=admin | {"If-Match": '"v2"'}, json={"archived": False})
    assert back.json()["archived"] is False


def test_what_is_in_use_is_not_archived(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    add()
    client.post("/items", headers=admin, json={"sku": "AX-1", "name": "Axe"})
    line = {"sku": "AX-1", "location": "A-01", "quantity": 1}
    received = client.post("/movements", headers=admin, json={"kind": "receipt", "lines": [line]})
    assert received.status_code == 201, received.text
    known = admin | {"If-Match": "*"}
    for url, slug in (("/locations/A-01", "location-in-use"), ("/items/AX-1", "item-in-use")):
        assert problem(client.delete(url, headers=known)) == (409, slug)
        assert problem(client.patch(url, headers=known, json={"archived": True})) == (409, slug)
        assert client.get(url, headers=admin).json()["archived"] is False


@pytest.mark.parametrize("sort", ["code", "-code", "name", "-name"])
def test_links_walk_the_whole_list_with_its_filters(
    client: Client, admin: Headers, add: Callable[..., httpx.Response], sort: str
) -> None:
    for number in range(5):
        add(f"A-{number}", name=f"Aisle {number % 2}")
    add("B-1", name="Cellar")
    answer = client.get("/locations", headers=admin, params={"q": "AISLE", "sort": sort, "per_page": 2})
    met = codes(answer.json())
    while answer.json()["next"] is not None:
        assert answer.headers["Link"] == f'<{answer.json()["next"]}>; rel="next"'
        answer = client.get(answer.json()["next"], headers=admin)
        met += codes(answer.json())
    assert answer.json()["total"] == 5
    key = sort.removeprefix("-")
    expected = sorted(
        range(5), key=lambda n: (n % 2 if key == "name" else 0, n), reverse=sort.startswith("-")
    )
    assert met == [f"A-{number}" for number in expected]


def test_who_may_only_read_changes_nothing(
    client: Client, sign_in: Callable[..., Headers], add: Callable[..., httpx.Response]
) -> None:
    add()
    clerk = sign_in("clerk")
    assert client.get("/locations", headers=clerk).status_code == 200
    assert client.post("/locations", headers=clerk, json={"code": "A-02", "name": "Aisle"}).status_code == 403
    assert client.delete("/locations/A-01", headers=clerk).status_code == 403
