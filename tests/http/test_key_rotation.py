"""What becomes of tokens when the key that signs them is changed."""

from collections.abc import Callable
from typing import Any

OLD, NEW = "the key of the year that is over ..", "the key of the year that has begun"
ADA = {"username": "ada", "email": "ada@example.com", "password": "nine tall ships sailed by"}


def test_a_new_key_ends_access_tokens_and_no_session(serve: Callable[..., Any]) -> None:
    before = serve(jwt_key=OLD)
    assert before.post("/register", json=ADA).status_code == 201
    name_and_password = {name: ADA[name] for name in ("username", "password")}
    tokens = before.post("/login", json=name_and_password).json()

    after = serve(jwt_key=NEW)

    def me(access_token: str) -> int:
        return int(after.get("/me", headers={"Authorization": f"Bearer {access_token}"}).status_code)

    assert me(tokens["access_token"]) == 401
    renewed = after.post("/token/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert renewed.status_code == 200
    assert me(renewed.json()["access_token"]) == 200
