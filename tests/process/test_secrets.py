"""No secret is told: by the log of API and worker at its most talkative, by metrics, or by traces."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa

from tests.collecting import Collector, collector
from tests.onlooker import onlooker
from tests.processes import PATIENCE, Service, _free_port
from tests.relay import Relay, relay
from tests.scraping import until

# Each in one place, so that what is told says which.
OF_SETTINGS = {
    place: f"hush-{place}-7f3c91d2a0b84e65"
    for place in ("database", "broker", "redis", "collector-header", "collector-url")
}
JWT_KEY = "a key of tokens that is long enough 3c91"
PASSWORD, WRONG, NEW = "nine tall ships sailed by", "seven lanterns in the rain", "ten grains of black rice"
FORGED = "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJyb290In0." + "f" * 43
# Of the length that refresh tokens have.
STRAY = "Zk3vN8q-Lr_0yTtXw4mJ2cUe7bHsPd5aFgQiOo1nMxK"
IDEMPOTENCY_KEY = "order-81-of-a-shop-that-nobody-knows-of"
# What comes from an address that is none.
EVERYWHERE = {"X-Forwarded-For": STRAY}


@contextmanager
def database_behind(relay_to: Relay, url: str) -> Iterator[str]:
    """Its URL through a relay, with a password, which a server that trusts this machine does not ask for."""
    host, port = relay_to.address
    known = sa.make_url(url).set(host=host, port=port, password=OF_SETTINGS["database"])
    yield known.render_as_string(hide_password=False)


class Asking:
    """Sends secrets, right ones and wrong ones, to all kinds of places; knows those that it got."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.secrets = {JWT_KEY, PASSWORD, WRONG, NEW, FORGED, STRAY, IDEMPOTENCY_KEY}
        self.statuses: list[int] = []

    def __call__(self, method: str, path: str, token: str = "", **parts: Any) -> Any:
        headers = parts.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = self._client.request(method, path, headers=headers, **parts)
        self.statuses.append(answer.status_code)
        if "access_token" in answer.text:
            self.secrets |= {answer.json()["access_token"], answer.json()["refresh_token"]}
        return answer

    def login(self, password: str = PASSWORD) -> Any:
        return self("POST", "/login", json={"username": "ada", "password": password})


def live(ask: Asking) -> str:
    """What is right, and what is refused. Returns a token."""
    account = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    assert ask("POST", "/register", json=account).status_code == 201
    tokens = ask.login().json()
    ask.login(WRONG)
    ask.login(PASSWORD.upper())
    form = {"grant_type": "password", "username": "ada", "password": PASSWORD}
    ask("POST", "/login", data=form)
    spent = {"refresh_token": tokens["refresh_token"]}
    token = ask("POST", "/token/refresh", json=spent).json()["access_token"]
    ask("PUT", "/me/password", token, json={"current_password": WRONG, "new_password": NEW})
    key = {"Idempotency-Key": IDEMPOTENCY_KEY}
    for body in ({"code": "L1", "name": "Shelf"}, {"code": "L1", "name": STRAY}, {"code": STRAY * 9}):
        ask("POST", "/locations", token, json=body, headers=key)
    csv = {"Content-Type": "text/csv"}
    ask("POST", "/imports?kind=items", token, content=f"sku,name\n{PASSWORD},{STRAY}\n", headers=csv)
    for body in (spent, {"refresh_token": STRAY}, {"refresh_token": [STRAY]}, {STRAY: STRAY}):
        ask("POST", "/token/refresh", json=body)
    # That a spent one was sent again has ended the session.
    return str(ask.login().json()["access_token"])


def misplace(ask: Asking, token: str) -> None:
    """Secrets where they do not belong, and what cannot be read."""
    for secret in (token, FORGED, STRAY):
        for path in ("/", "/items/", "/tasks/", "/token/refresh/", "/me?token=", "/items?q=", "/?a="):
            ask("GET", path + secret, token)
        for headers in ({"Cookie": f"token={secret}"}, {"X-Api-Key": secret}, {"Authorization": secret}):
            ask("GET", "/me", headers=headers)
        ask("GET", "/me", headers={"Authorization": f"Basic {secret}"})
        ask("GET", "/me", headers={"traceparent": f"00-{secret}-01", "If-None-Match": f'"{secret}"'})
        ask("GET", "/me", f"{secret}x")
        ask("DELETE", f"/{secret}")
    ask("GET", f"/login?username=ada&password={quote(PASSWORD)}")
    texts = f'{{"password": "{PASSWORD}', f"password={PASSWORD}&password={STRAY}", f'"{PASSWORD}"\xff'
    for kind in ("application/json", "application/x-www-form-urlencoded", "text/plain", f"text/{STRAY}"):
        for text in texts:
            ask("POST", "/register", content=text.encode("latin-1"), headers={"Content-Type": kind})


def garble(url: str) -> None:
    """Secrets in heads that are refused before there is a request."""
    host, port = url.removeprefix("http://").split(":")
    heads = (
        f"GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {FORGED}\r\nno field {STRAY}\r\n\r\n",
        f"GET /{STRAY} HTTP/9.9\r\n\r\n",
        f"{STRAY} / HTTP/1.1\r\nHost: x\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: x\r\nCookie: {STRAY * 3000}\r\n\r\n",
    )
    for head in heads:
        with socket.create_connection((host, int(port)), PATIENCE) as connection:
            connection.sendall(head.encode())
            assert b"HTTP/1.1" in connection.recv(1000)


def outage(ask: Asking, url: str, gate: Relay) -> None:
    """Errors of the service: a fault (500), then a database that is away (503)."""
    with onlooker(url).connect() as connection:
        connection.execute(sa.text("ALTER TABLE users RENAME TO away"))
    assert ask.login(PASSWORD).status_code == 500
    gate.close()
    until(lambda: ask.login().status_code == 503)
    ask("POST", "/token/refresh", json={"refresh_token": STRAY})


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collector() as collected:
        there = collected.url.replace("//", f"//user:{OF_SETTINGS['collector-url']}@")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", there)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={OF_SETTINGS['collector-header']}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield collected


def test_no_secret_is_in_the_log_in_metrics_or_in_traces(
    start_service: Callable[..., Service],
    new_postgresql: Callable[..., AbstractContextManager[str]],
    collected: Collector,
) -> None:
    ports = _free_port(), _free_port()
    with new_postgresql() as url, relay("127.0.0.1", 5432) as gate, database_behind(gate, url) as relayed:
        service = start_service(
            worker=True,
            log_level="debug",
            registration="open",
            rate_limits="report",
            trusted_proxies=1,
            drift_sample=0,
            database_url=relayed,
            jwt_key=JWT_KEY,
            redis_url=f"redis://:{OF_SETTINGS['redis']}@127.0.0.1:1/0",
            broker_url=f"amqp://stock:{OF_SETTINGS['broker']}@127.0.0.1:1//",
            metrics_port=ports[0],
            worker_metrics_port=ports[1],
        )
        with httpx.Client(base_url=service.url, timeout=PATIENCE, headers=EVERYWHERE) as client:
            ask = Asking(client)
            misplace(ask, live(ask))
            garble(service.url)
            outage(ask, url, gate)
        until(lambda: len(collected.spans) >= len(ask.statuses))
        metrics = [httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE).text for port in ports]
        until(lambda: "failed" in service.log())
    told = {"log": service.log(), "metrics": "".join(metrics), "traces": collected.received.decode("latin-1")}
    # All of it was there to be told.
    assert {200, 201, 400, 401, 403, 404, 415, 500, 503} <= {*ask.statuses}
    assert all("handlers.auth.login" in text for text in told.values())
    assert "request.failed" in told["log"]
    assert leaks(told, ask.secrets | set(OF_SETTINGS.values())) == []


def leaks(told: dict[str, str], secrets: set[str]) -> list[tuple[str, str, str]]:
    """Where a secret is told, as it is or as it stands in a URL, with what stands around it."""
    return [
        (place, secret, text[max(found.start() - 200, 0) : found.end() + 20])
        for place, text in told.items()
        for secret in secrets
        # Of a token the part that nobody can make up tells all.
        for form in {secret, quote(secret), secret.rpartition(".")[2]}
        for found in [re.search(re.escape(form), text)]
        if found
    ]


def test_a_secret_that_is_told_is_found() -> None:
    told = {"log": f"GET /login?password={quote(PASSWORD)}", "traces": f"…{FORGED.rpartition('.')[2]}…"}
    assert {(place, secret) for place, secret, _ in leaks(told, {PASSWORD, FORGED, STRAY})} == {
        ("log", PASSWORD),
        ("traces", FORGED),
    }
