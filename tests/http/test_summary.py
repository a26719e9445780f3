"""GET /summary, which is kept for 60 seconds."""

from collections.abc import Callable
from typing import Any

Client = Any
SignIn = Callable[..., dict[str, str]]


def test_it_is_kept_until_something_is_written(client: Client, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    first = client.get("/summary", headers=admin)
    again = client.get("/summary", headers=admin)
    assert again.json() == first.json()  # `as_of` included
    client.post("/items", headers=admin, json={"sku": "A1", "name": "Axe"})
    assert client.get("/summary", headers=admin).json()["items"] == 1


def test_what_a_client_has_already_is_answered_304(client: Client, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    first = client.get("/summary", headers=admin)
    again = client.get("/summary", headers=admin | {"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "private, max-age=60"


def test_roles_do_not_share_what_is_kept(client: Client, sign_in: SignIn) -> None:
    admin, viewer = sign_in("admin"), sign_in("viewer")
    as_admin = client.get("/summary", headers=admin).json()["as_of"]
    as_viewer = client.get("/summary", headers=viewer).json()["as_of"]
    assert as_admin != as_viewer
