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
