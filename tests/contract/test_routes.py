"""Routes: a path is one operation's or nobody's, and literal segments go before parameters."""

from types import SimpleNamespace
from typing import Any

import pytest

from stockroom.contract.routes import Routes


def routes(*declared: str) -> Routes:
    operations: Any = {
        entry: SimpleNamespace(id=entry, method=entry.split()[0], path=entry.split()[1]) for entry in declared
    }
    return Routes(operations)


THINGS = routes(
    "GET /",
    "GET /things",
    "POST /things",
    "GET /things/newest",
    "GET /things/{id}",
    "GET /things/{id}/parts",
    "GET /things/{id}/parts/{part}",
    "DELETE /{kind}/{id}/parts/{part}/screws",
)


@pytest.mark.parametrize(
    ("path", "operation", "values"),
    [
        ("/", "GET /", {}),
        ("/things", "GET /things", {}),
        ("/things/newest", "GET /things/newest", {}),
        ("/things/7", "GET /things/{id}", {"id": "7"}),
        ("/things/newest/parts", "GET /things/{id}/parts", {"id": "newest"}),
        ("/things/7/parts/x y", "GET /things/{id}/parts/{part}", {"id": "7", "part": "x y"}),
    ],
)
def test_a_path_is_found_with_its_values(path: str, operation: str, values: dict[str, str]) -> None:
    found = THINGS.find(path)
    assert found
    route, segments = found
    assert route.methods["GET"].id == operation
    assert {name: segments[place] for name, place in route.parameters.items()} == values


@pytest.mark.parametrize(
    "path",
    [
        "",
        "*",
        "things",
        "/thing",
        "/things/",
        "/things//parts",
        "//",
        "/things/7/parts/x/y",
        "/THINGS",
        "/things\n",
    ],
)
def test_any_other_path_is_nobodys(path: str) -> None:
    assert THINGS.find(path) is None


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/things", ["GET", "HEAD", "POST"]),
        ("/a/b/parts/c/screws", ["DELETE"]),
        ("/nothing", []),
    ],
)
def test_the_methods_of_a_path(path: str, methods: list[str]) -> None:
    assert THINGS.methods_at(path) == methods


def test_head_is_get() -> None:
    found = THINGS.find("/things")
    assert found
    assert found[0].operation("HEAD") is found[0].operation("GET")
    assert found[0].operation("PUT") is None


def test_head_is_its_own_operation_where_there_is_one() -> None:
    found = routes("GET /things", "HEAD /things").find("/things")
    assert found
    head = found[0].operation("HEAD")
    assert head
    assert head.id == "HEAD /things"
