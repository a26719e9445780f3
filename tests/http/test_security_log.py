"""The log of security events, as a service writes it: what happened, to whom, from where, and no secret."""

import json
from collections.abc import Callable
from typing import Any, get_args

import httpx

from stockroom.security_log import Event
from tests.service import KEY

PASSWORD = "nine tall ships sailed by"
NEW_PASSWORD = "ten thousand grains of rice"
WRONG_PASSWORD = "seven lanterns in the rain"
# What a person types into the wrong field.
PASSWORD_AS_NAME = "correct.horse.of.ada"
FORGED = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJyb290In0." + "f" * 43

HOME, ELSEWHERE = "203.0.113.7", "198.51.100."


class Person:
    """Somebody at an address, with what the service has given them."""

    def __init__(self, client: httpx.Client, secrets: list[str]) -> None:
        self._client = client
        self._secrets = secrets
        self.tokens: dict[str, Any] = {}

    def ask(self, method: str, path: str, body: Any = None, *, by: str = HOME, token: str = "") -> int:
        token = token or self.tokens.get("access_token", "")
        headers = {"X-Forwarded-For": by} | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = self._client.request(method, path, json=body, headers=headers)
        if "access_token" in answer.text:
            self.tokens = answer.json()
            self._secrets += [self.tokens["access_token"], self.tokens["refresh_token"]]
        return answer.status_code

    def register(self, name: str) -> int:
        account = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        return self.ask("POST", "/register", account)

    def login(self, name: str, password: str = PASSWORD, *, by: str = HOME) -> int:
        return self.ask("POST", "/login", {"username": name, "password": password}, by=by)

    def refresh(self, token: str) -> int:
        return self.ask("POST", "/token/refresh", {"refresh_token": token})

    def change_password(self, current: str) -> int:
        body = {"current_password": current, "new_password": NEW_PASSWORD}
        return self.ask("PUT", "/me/password", body)


def live(client: httpx.Client, secrets: list[str]) -> None:
    """A day on which everything happens that is an event."""
    root, ada = Person(client, secrets), Person(client, secrets)
    assert [root.register("root"), ada.register("ada"), ada.register("ada")] == [201, 201, 409]
    assert [root.login("root"), ada.login("ada")] == [200, 200]
    assert root.login(PASSWORD_AS_NAME, WRONG_PASSWORD, by="192.0.2.1") == 401
    guesses = [Person(client, secrets).login("ada", WRONG_PASSWORD, by=f"{ELSEWHERE}{n}") for n in range(6)]
    assert guesses == [401] * 5 + [429]
    assert ada.ask("PATCH", "/me", {"email": "ada@lovelace.example"}) == 200
    assert ada.ask("GET", "/users") == 403
    assert [ada.change_password(WRONG_PASSWORD) for _ in range(6)] == [403] * 5 + [429]
    assert root.change_password(PASSWORD) == 204
    first = root.tokens["refresh_token"]
    assert root.refresh(first) == 200
    assert root.ask("PATCH", "/users/ada", {"role": "viewer"}) == 200
    assert root.ask("PATCH", "/users/ada", {"disabled": True}) == 200
    assert root.ask("PATCH", "/users/ada", {"disabled": False}) == 200
    assert root.ask("GET", "/me", token=FORGED) == 401
    assert [root.refresh("no such token"), root.refresh(first)] == [401, 401]
    assert root.login("root", NEW_PASSWORD, by="192.0.2.2") == 200
    assert root.ask("POST", "/logout") == 204


def told(log: str, **about: Any) -> list[dict[str, Any]]:
    """The lines that have these members."""
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if about.items() <= line.items()]


def test_what_matters_to_security_is_logged_with_who_and_where_and_without_secrets(
    start_service: Callable[..., Any],
) -> None:
    settings = {"log_level": "info", "trusted_proxies": 1, "jwt_key": KEY}
    service = start_service(rate_limits="report", **settings)
    limited = start_service(registration="closed", **settings)
    secrets = [PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, PASSWORD_AS_NAME, FORGED, KEY]
    with httpx.Client(base_url=service.url) as client:
        live(client, secrets)
    with httpx.Client(base_url=limited.url) as client:
        eve = Person(client, secrets)
        assert eve.register("eve") == 403
        assert [eve.login("eve") for _ in range(6)] == [401] * 3 + [429] * 3
    log = service.log() + limited.log()

    events = told(log, logger="security")
    assert {line["event"] for line in events} == set(get_args(Event))
    for line in events:
        assert line["client"].startswith((HOME, ELSEWHERE, "192.0.2."))
        assert line["request_id"]
        assert line["user"] in {"root", "ada", None}

    def one(event: str, **about: Any) -> dict[str, Any]:
        [line] = told(log, logger="security", event=event, **about)
        return line

    assert one("login.failed", user=None, reason="unknown", client="192.0.2.1")
    assert len(told(log, event="login.failed", user="ada", reason="password")) == 5
    assert one("login.limited", user="ada")["client"].startswith(ELSEWHERE)
    assert one("login.succeeded", user="root", network="new")["client"] == "192.0.2.2"
    changed = one("account.role_changed", user="ada", by="root")
    assert (changed["was"], changed["role"], changed["ended"]) == ("clerk", "viewer", 1)
    assert one("account.disabled", user="ada", by="root")
    assert one("scope.refused", user="ada", operation="handlers.users.list_users")
    assert one("password.changed", user="root")["session"] == one("session.reused", user="root")["session"]
    assert one("token.refused", user=None, operation="handlers.me.read")
    assert one("registration.refused", user=None, reason="closed")
    # Lines of requests say who it was, too.
    for operation, users in (
        ("login", {"root", "ada"}),
        ("refresh", {"root"}),
        ("register", {"root", "ada"}),
    ):
        lines = told(log, event="request", operation=f"handlers.auth.{operation}")
        assert {line["user"] for line in lines if line["status"] < 300} == users
        assert {line["user"] for line in lines if line["status"] >= 400} == {None}

    assert len(set(secrets)) > 12
    for secret in secrets:
        assert secret not in log
        # Nor the part of a token that nobody can make up.
        assert secret.rpartition(".")[2] not in log or secret == PASSWORD_AS_NAME
