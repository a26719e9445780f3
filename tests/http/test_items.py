"""The catalogue on the wire: ETags and preconditions, pages and links, merge-patches and refusals."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

Client = Any
Headers = dict[str, str]

AXE = {"sku": "AX-1", "name": "Axe", "reorder_point": 3, "tags": ["tools", "sharp"]}


@pytest.fixture
def admin(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("admin")


@pytest.fixture
def add(client: Client, admin: Headers) -> Callable[..., httpx.Response]:
    def add(sku: str = "AX-1", name: str = "Axe", **members: Any) -> httpx.Response:
        answer: httpx.Response = client.post(
            "/items", headers=admin, json={"sku": sku, "name": name, **members}
        )
        assert answer.status_code == 201, answer.text
        return answer

    return add


@pytest.fixture
def pages(client: Client, admin: Headers) -> Callable[..., Iterator[dict[str, Any]]]:
    """Walk a list by its links to the end."""

    def pages(url: str, **params: Any) -> Iterator[dict[str, Any]]:
        answer = client.get(url, headers=admin, params=params)
        while True:
            page = answer.json()
            yield page
            if page["next"] is None:
                assert "Link" not in answer.headers
                return
            assert answer.headers["Link"] == f'<{page["next"]}>; rel="next"'
            answer = client.get(page["next"], headers=admin)

    return pages


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def skus(page: dict[str, Any]) -> list[str]:
    return [item["sku"] for item in page["items"]]


# Creating and reading


def test_a_new_item_is_where_its_location_says(client: Client, admin: Headers) -> None:
    created = client.post("/items", headers=admin, json=AXE)
    assert created.status_code == 201
    assert (created.headers["Location"], created.headers["ETag"]) == ("/items/AX-1", '"v1"')
    assert created.json() == {
        "sku": "AX-1",
        "name": "Axe",
        "description": None,
        "unit": "piece",
        "reorder_point": 3,
        "tags": ["sharp", "tools"],
        "archived": False,
        "version": 1,
        "created_at": created.json()["created_at"],
        "updated_at": created.json()["created_at"],
    }
    read = client.get(created.headers["Location"], headers=admin)
    assert read.json() == created.json()
    assert read.headers["ETag"] == '"v1"'
    assert read.headers["Cache-Control"] == "private, no-cache"


def test_a_sku_is_given_once_also_when_its_item_is_archived(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    add()
    assert problem(client.post("/items", headers=admin, json=AXE)) == (409, "sku-taken")
    client.delete("/items/AX-1", headers=admin | {"If-Match": "*"})
    assert problem(client.post("/items", headers=admin, json=AXE)) == (409, "sku-taken")


def test_all_faults_of_an_item_are_told_and_nothing_is_kept(client: Client, admin: Headers) -> None:
    answer = client.post(
        "/items",
        headers=admin,
        json={"sku": "no spaces", "reorder_point": -1, "tags": ["A"], "colour": "red"},
    )
    assert problem(answer) == (400, "validation-failed")
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "",
        "/sku",
        "/reorder_point",
        "/tags/0",
    }
    assert client.get("/items", headers=admin).json()["total"] == 0


def test_an_unknown_item_is_nowhere(client: Client, admin: Headers) -> None:
    change = {"headers": admin | {"If-Match": "*"}, "json": {"name": "Hatchet"}}
    assert problem(client.get("/items/AX-1", headers=admin)) == (404, "not-found")
    assert problem(client.patch("/items/AX-1", **change)) == (404, "not-found")
    assert problem(client.delete("/items/AX-1", headers=change["headers"])) == (404, "not-found")


# Changing


def test_a_merge_patch_changes_what_it_names(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    created = add(description="Heavy", reorder_point=3, tags=["tools"]).json()
    headers = admin | {"If-Match": '"v1"', "Content-Type": "application/merge-patch+json"}
    changed = client.patch("/items/AX-1", headers=headers, content='{"description": null, "tags": []}')
    assert changed.status_code == 200
    assert changed.headers["ETag"] == '"v2"'
    expected = {"description": None, "tags": [], "version": 2, "updated_at": changed.json()["updated_at"]}
    assert changed.json() == created | expected
    assert client.get("/items/AX-1", headers=admin).json() == changed.json()


@pytest.mark.parametrize("change", [{"name": None}, {"sku": "BX-1"}, {"version": 7}, {}])
def test_what_cannot_be_patched_is_refused(
    client: Client, admin: Headers, add: Callable[..., httpx.Response], change: dict[str, Any]
) -> None:
    created = add()
    answer = client.patch("/items/AX-1", headers=admin | {"If-Match": "*"}, json=change)
    assert problem(answer) == (400, "validation-failed")
    assert client.get("/items/AX-1", headers=admin).json() == created.json()


def test_of_two_changes_to_one_state_the_second_is_refused(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    known = admin | {"If-Match": add().headers["ETag"]}
    assert client.patch("/items/AX-1", headers=known, json={"name": "Hatchet"}).status_code == 200
    assert problem(client.patch("/items/AX-1", headers=known, json={"name": "Adze"})) == (
        412,
        "precondition-failed",
    )
    assert problem(client.delete("/items/AX-1", headers=known)) == (412, "precondition-failed")
    assert client.get("/items/AX-1", headers=admin).json()["name"] == "Hatchet"


@pytest.mark.parametrize(
    ("if_match", "status"),
    [("*", 200), ('"v0", "v1"', 200), ('W/"v1"', 412), ('""', 412), ("v1", 400), ('"v1', 400)],
)
def test_if_match_is_a_list_of_strong_tags_or_a_star(
    client: Client, admin: Headers, add: Callable[..., httpx.Response], if_match: str, status: int
) -> None:
    add()
    headers = admin | {"If-Match": if_match}
    assert client.patch("/items/AX-1", headers=headers, json={"name": "Adze"}).status_code == status


def test_an_archived_item_leaves_the_catalogue_until_it_is_brought_back(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    add()
    archived = client.delete("/items/AX-1", headers=admin | {"If-Match": '"v1"'})
    assert (archived.status_code, archived.content) == (204, b"")
    assert skus(client.get("/items", headers=admin).json()) == []
    assert skus(client.get("/items?archived=true", headers=admin).json()) == ["AX-1"]
    read = client.get("/items/AX-1", headers=admin)
    assert read.json()["archived"] is True
    back = client.patch(
        "/items/AX-1", headers=admin | {"If-Match": read.headers["ETag"]}, json={"archived": False}
    )
    assert back.json()["archived"] is False
    assert skus(client.get("/items", headers=admin).json()) == ["AX-1"]


# Lists


def test_numbered_pages_tell_where_they_stand(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    for number in range(5):
        add(f"A{number}")
    page = client.get("/items", headers=admin, params={"page": 2, "per_page": 2}).json()
    assert skus(page) == ["A2", "A3"]
    assert {key: page[key] for key in ("total", "total_is_exact", "page", "per_page")} == {
        "total": 5,
        "total_is_exact": True,
        "page": 2,
        "per_page": 2,
    }
    beyond = client.get("/items", headers=admin, params={"page": 9}).json()
    assert (beyond["items"], beyond["total"], beyond["next"]) == ([], 5, None)


@pytest.mark.parametrize("sort", ["sku", "-sku", "name", "-name", "created_at", "-updated_at"])
def test_links_walk_the_whole_list_in_its_order(
    add: Callable[..., httpx.Response], pages: Callable[..., Iterator[dict[str, Any]]], sort: str
) -> None:
    items = [add(f"A{number}", name=f"Name {number % 3}").json() for number in range(7)]
    found = list(pages("/items", per_page=3, sort=sort))
    assert [len(page["items"]) for page in found] == [3, 3, 1]
    assert [page["page"] for page in found] == [1, None, None]
    key, turned = sort.removeprefix("-"), sort.startswith("-")
    expected = sorted(items, key=lambda item: (item[key], item["sku"]), reverse=turned)
    assert [sku for page in found for sku in skus(page)] == [item["sku"] for item in expected]


def test_links_carry_the_filters(
    client: Client,
    admin: Headers,
    add: Callable[..., httpx.Response],
    pages: Callable[..., Iterator[dict[str, Any]]],
) -> None:
    for number in range(3):
        add(f"A{number}", name="Ax & co.", tags=["sharp"])
        add(f"B{number}", name="Ball")
        client.delete(f"/items/A{number}", headers=admin | {"If-Match": "*"})
    found = list(pages("/items", q="x & C", tag="sharp", archived="true", count="exact", per_page=1))
    assert [skus(page) for page in found] == [["A0"], ["A1"], ["A2"]]
    assert [page["total"] for page in found] == [3, 3, 3]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"q": "AXE"}, ["AX-1", "AX-2"]),
        ({"q": "x-2"}, ["AX-2"]),
        ({"q": "%"}, []),
        ({"tag": "sharp"}, ["AX-1"]),
        ({"tag": "sharp", "q": "ball"}, []),
    ],
)
def test_filters_narrow_the_list(
    client: Client,
    admin: Headers,
    add: Callable[..., httpx.Response],
    filters: dict[str, str],
    expected: list[str],
) -> None:
    add("AX-1", name="Axe", tags=["sharp"])
    add("AX-2", name="Toy axe", tags=["toys"])
    add("BL-1", name="Ball", tags=["toys"])
    page = client.get("/items", headers=admin, params=filters).json()
    assert (skus(page), page["total"]) == (expected, len(expected))


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ("per_page=0&page=0", {"per_page", "page"}),
        ("per_page=101", {"per_page"}),
        ("sort=colour", {"sort"}),
        ("archived=yes", {"archived"}),
        ("colour=red", {"colour"}),
        ("q=a&q=b", {"q"}),
        ("cursor=bm9uc2Vuc2U", {"cursor"}),
    ],
)
def test_odd_questions_are_refused(client: Client, admin: Headers, query: str, blamed: set[str]) -> None:
    answer = client.get(f"/items?{query}", headers=admin)
    assert problem(answer) == (400, "validation-failed")
    assert {error["parameter"] for error in answer.json()["errors"]} == blamed


def test_a_cursor_belongs_to_its_list(
    client: Client, admin: Headers, add: Callable[..., httpx.Response]
) -> None:
    add("A1")
    add("A2")
    following = client.get("/items?per_page=1", headers=admin).json()["next"]
    cursor = httpx.URL(following).params["cursor"]
    for other in ("/items?sort=name", "/users?", "/items?page=1"):
        answer = client.get(f"{other}&cursor={cursor}", headers=admin)
        assert problem(answer) == (400, "validation-failed"), other
