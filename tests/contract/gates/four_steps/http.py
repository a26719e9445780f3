"""What is at one location, on the wire."""

from collections.abc import Callable
from typing import Any


def test_what_is_found_at_a_location_is_listed_there(client: Any, sign_in: Callable[..., Any]) -> None:
    admin = sign_in("admin")
    client.post("/items", headers=admin, json={"sku": "AX-1", "name": "Axe"})
    client.post("/locations", headers=admin, json={"code": "A-01", "name": "Aisle A"})
    assert client.post("/four-steps/A-01/finds", headers=admin, json={"sku": "AX-1"}).status_code == 201
    [level] = client.get("/four-steps/A-01/levels", headers=admin).json()["levels"]
    assert level["on_hand"] == 1
