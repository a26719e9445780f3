"""Accounts and sessions on the wire: registering, logging in and out, renewing, and what each role may do."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app import create_app
from stockroom.accounts import revocation_feed
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from stockroom.db.database import Database
from stockroom.db.tables import users
from stockroom.settings import Settings
from tests.contract.gates.requests import plain_examples
from tests.service import CheckedClient

Client = Any
Serve = Callable[..., Any]
SignIn = Callable[..., dict[str, str]]
Headers = dict[str, str]

PASSWORD = "nine tall ships sailed by"
OTHER_PASSWORD = "ten thousand grains of rice"
# Seconds; what comes later than this comes never.
PATIENCE = 20.0


@pytest.fixture
def relaxed(serve: Serve) -> Client:
    """A client of a service that counts requests and refuses none for their number."""
    return serve(rate_limits="report")


def register(client: Client, username: str = "ada", password: str = PASSWORD) -> httpx.Response:
    account = {"username": username, "email": f"{username}@example.com", "password": password}
    answer: httpx.Response = client.post("/register", json=account)
    return answer


def login(client: Client, username: str = "ada", password: str = PASSWORD) -> dict[str, Any]:
    answer = client.post("/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def bearer(tokens: dict[str, Any]) -> Headers:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def refresh(client: Client, tokens: dict[str, Any]) -> httpx.Response:
    answer: httpx.Response = client.post("/token/refresh", json={"refresh_token": tokens["refresh_token"]})
    return answer


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


# Registering


def test_the_first_account_of_an_embedded_database_is_the_administrator(
    client: Client, database_url: str
) -> None:
    first = register(client, "ada")
    assert first.status_code == 201
    assert first.headers["Location"] == "/me"
    assert first.headers["Cache-Control"] == "no-store"
    assert first.json()["role"] == ("admin" if database_url.startswith("sqlite:") else "clerk")
    assert first.json() == client.get("/me", headers=bearer(login(client))).json()


def test_later_accounts_get_the_configured_role(serve: Serve, sign_in: SignIn) -> None:
    sign_in("admin")
    assert register(serve(), "ada").json()["role"] == "clerk"
    assert register(serve(default_role="viewer"), "bob").json()["role"] == "viewer"


def test_a_name_is_given_once(client: Client) -> None:
    register(client)
    assert problem(register(client, password=OTHER_PASSWORD)) == (409, "username-taken")
    login(client, password=PASSWORD)


def test_nobody_registers_where_it_is_closed(serve: Serve) -> None:
    assert problem(register(serve(registration="closed"))) == (403, "registration-closed")


def test_in_production_it_is_closed_unless_opened(
    configure: Callable[..., Settings], contract: Contract, conformance: Conformance
) -> None:
    settings = configure()
    unset = Settings(_env_file=None, **settings.model_dump(exclude={"registration"}))
    with CheckedClient(create_app(unset, contract=contract), conformance) as client:
        status = register(client).status_code
    assert status == (201 if settings.embedded else 403)


@pytest.mark.parametrize("password", ["aaaaaaaaaaaaaaaaaaaa", "ada@example.com", "qwertyuiopasdfgh"])
def test_weak_passwords_are_refused(client: Client, password: str) -> None:
    assert problem(register(client, password=password)) == (400, "weak-password")


def test_all_faults_of_a_registration_are_told(client: Client) -> None:
    answer = client.post(
        "/register", json={"username": "A", "email": "nowhere", "password": "short", "role": "admin"}
    )
    assert problem(answer) == (400, "validation-failed")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"", "/username", "/email", "/password"}


# Logging in


def test_json_begins_a_session(client: Client) -> None:
    register(client)
    answer = client.post("/login", json={"username": "ada", "password": PASSWORD})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 600
    assert client.get("/me", headers=bearer(answer.json())).json()["username"] == "ada"


def test_the_password_form_begins_a_session(client: Client) -> None:
    register(client)
    form = {
        "grant_type": "password",
        "username": "ada",
        "password": PASSWORD,
        "client_id": "",
        "client_secret": "",
    }
    answer = client.post("/login", data=form)
    assert answer.status_code == 200
    assert client.get("/me", headers=bearer(answer.json())).json()["username"] == "ada"


@pytest.mark.parametrize(("scope", "granted"), [("", True), (" ", False), ("\t \n", False)])
def test_a_blank_scope_grants_nothing_and_an_empty_one_is_as_none(
    client: Client, scope: str, granted: bool
) -> None:
    register(client)
    tokens = client.post("/login", data={"username": "ada", "password": PASSWORD, "scope": scope}).json()
    again = refresh(client, tokens).json()
    assert (bool(tokens["scope"]), bool(again["scope"])) == (granted, granted)
    assert client.get("/me", headers=bearer(again)).status_code == (200 if granted else 403)
    assert client.post("/logout", headers=bearer(again)).status_code == 204


def test_a_scope_narrows_the_token_and_never_widens_it(client: Client, sign_in: SignIn) -> None:
    sign_in("admin")
    register(client)  # As a clerk.
    form = {"username": "ada", "password": PASSWORD, "scope": "items:read users:manage"}
    tokens = client.post("/login", data=form).json()
    assert tokens["scope"] == "items:read"
    assert client.get("/items", headers=bearer(tokens)).status_code == 200
    refused = client.get("/tasks", headers=bearer(tokens))
    assert problem(refused) == (403, "insufficient-scope")
    challenge = 'Bearer realm="stockroom", error="insufficient_scope", scope="tasks:read"'
    assert refused.headers["WWW-Authenticate"] == challenge
    assert refresh(client, tokens).json()["scope"] == "items:read"


def test_wrong_passwords_and_unknown_names_look_the_same(client: Client) -> None:
    register(client)
    wrong = client.post("/login", json={"username": "ada", "password": OTHER_PASSWORD})
    unknown = client.post("/login", json={"username": "eve", "password": OTHER_PASSWORD})
    assert problem(wrong) == (401, "invalid-credentials")
    assert wrong.json() == unknown.json()
    assert wrong.headers["WWW-Authenticate"] == 'Bearer realm="stockroom"'


def test_strangers_who_guess_are_slowed_and_keep_no_owner_out(serve: Serve) -> None:
    client = serve(rate_limits="report", trusted_proxies=1)

    def attempt(address: str, password: str) -> httpx.Response:
        body = {"username": "ada", "password": password}
        answer: httpx.Response = client.post("/login", json=body, headers={"X-Forwarded-For": address})
        return answer

    def guess(number: int) -> int:
        # Each in a network of its own.
        return attempt(f"2001:db8:0:{number:x}::1", OTHER_PASSWORD).status_code

    register(client)  # From no address in particular: the first login is from a network that is not known.
    own = attempt("2001:db8:1::1", PASSWORD).json()
    statuses = [guess(number) for number in range(100)]
    assert 1 <= statuses.count(401) <= 10
    assert set(statuses) == {401, 429}
    refused = attempt("203.0.113.1", PASSWORD)
    assert problem(refused) == (429, "too-many-attempts")
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    again = attempt("2001:db8:1::2", PASSWORD)
    assert again.status_code == 200
    assert again.json()["failed_logins"] == statuses.count(401)
    assert refresh(client, again.json()).json()["failed_logins"] == 0
    passwords = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert client.put("/me/password", headers=bearer(own), json=passwords).status_code == 204


def test_attempts_are_counted_for_all_processes_together(serve: Serve) -> None:
    processes = [serve(rate_limits="report", trusted_proxies=1) for _ in range(2)]
    body = {"username": "nobody", "password": PASSWORD}
    statuses = [
        processes[number % 2].post("/login", json=body, headers={"X-Forwarded-For": f"203.0.113.{number}"})
        for number in range(20)
    ]
    assert 1 <= [answer.status_code for answer in statuses].count(401) <= 10


def test_guesses_at_the_current_password_are_slowed_too(relaxed: Client) -> None:
    register(relaxed)
    own = bearer(login(relaxed))
    wrong = {"current_password": OTHER_PASSWORD, "new_password": OTHER_PASSWORD}
    answers = [relaxed.put("/me/password", headers=own, json=wrong) for _ in range(10)]
    assert {problem(answer) for answer in answers[:5]} == {(403, "wrong-password")}
    assert {problem(answer) for answer in answers[5:]} == {(429, "too-many-attempts")}
    login(relaxed)


# Renewing and ending


def test_a_refresh_token_is_good_for_one_new_pair(client: Client) -> None:
    register(client)
    first = login(client)
    second = refresh(client, first).json()
    third = refresh(client, second).json()
    assert len({tokens["refresh_token"] for tokens in (first, second, third)}) == 3
    assert client.get("/me", headers=bearer(third)).status_code == 200


def test_a_refresh_token_used_twice_ends_the_session(client: Client) -> None:
    register(client)
    first = login(client)
    second = refresh(client, first).json()
    again = refresh(client, first)
    assert problem(again) == (401, "invalid-token")
    assert again.headers["WWW-Authenticate"] == 'Bearer realm="stockroom", error="invalid_token"'
    assert problem(refresh(client, second)) == (401, "invalid-token")
    assert problem(client.get("/me", headers=bearer(second))) == (401, "invalid-token")


def test_logging_out_ends_one_session_and_no_other(client: Client) -> None:
    register(client)
    ended, other = login(client), login(client)
    answer = client.post("/logout", headers=bearer(ended))
    assert (answer.status_code, answer.content) == (204, b"")
    assert problem(client.get("/me", headers=bearer(ended))) == (401, "invalid-token")
    assert problem(refresh(client, ended)) == (401, "invalid-token")
    assert client.get("/me", headers=bearer(other)).status_code == 200
    assert refresh(client, other).status_code == 200


def test_logging_out_reaches_the_other_processes(serve: Serve) -> None:
    # Within a second, says the contract: how often they look is asserted, how long a busy machine takes not.
    assert revocation_feed.POLL < 1
    one, other = serve(), serve()
    register(one)
    tokens = login(one)
    assert other.get("/me", headers=bearer(tokens)).status_code == 200
    one.post("/logout", headers=bearer(tokens))
    assert problem(refresh(other, tokens)) == (401, "invalid-token")
    until = time.monotonic() + PATIENCE
    while (answer := other.get("/me", headers=bearer(tokens))).status_code == 200:
        assert time.monotonic() < until, "the other process never learned of it"
        time.sleep(0.02)
    assert problem(answer) == (401, "invalid-token")


def test_a_process_that_starts_later_knows_of_ended_sessions(serve: Serve) -> None:
    one = serve()
    register(one)
    tokens = login(one)
    one.post("/logout", headers=bearer(tokens))
    assert problem(serve().get("/me", headers=bearer(tokens))) == (401, "invalid-token")


# One's own account


def test_one_changes_ones_own_address(client: Client, sign_in: SignIn) -> None:
    viewer = sign_in("viewer")
    for media in ("application/merge-patch+json", "application/json"):
        body = f'{{"email": "{len(media)}@example.com"}}'
        answer = client.patch("/me", headers=viewer | {"Content-Type": media}, content=body)
        assert answer.json()["email"] == f"{len(media)}@example.com"
        assert client.get("/me", headers=viewer).json() == answer.json()


def test_one_does_not_change_ones_own_role(client: Client, sign_in: SignIn) -> None:
    viewer = sign_in("viewer")
    assert problem(client.patch("/me", headers=viewer, json={"role": "admin"})) == (400, "validation-failed")
    assert client.get("/me", headers=viewer).json()["role"] == "viewer"


@pytest.mark.parametrize("scope", ["items:read", "users:manage", "me:read"])
def test_a_narrowed_token_changes_nothing_of_the_account(client: Client, scope: str) -> None:
    register(client, "first")  # The administrator, where there is one.
    account = register(client).json()
    form = {"username": "ada", "password": PASSWORD, "scope": scope}
    narrowed = bearer(client.post("/login", data=form).json())
    passwords = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    for refused in (
        client.patch("/me", headers=narrowed, json={"email": "eve@example.com"}),
        client.put("/me/password", headers=narrowed, json=passwords),
    ):
        assert problem(refused) == (403, "insufficient-scope")
        assert refused.headers["WWW-Authenticate"].endswith('scope="me:write"')
    read = client.get("/me", headers=narrowed)
    assert read.status_code == (200 if scope == "me:read" else 403)
    assert client.post("/logout", headers=narrowed).status_code == 204
    assert client.get("/me", headers=bearer(login(client))).json() == account


def test_a_new_password_ends_all_other_sessions(relaxed: Client) -> None:
    register(relaxed)
    own, other = login(relaxed), login(relaxed)
    passwords = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    answer = relaxed.put("/me/password", headers=bearer(own), json=passwords)
    assert (answer.status_code, answer.content) == (204, b"")
    assert relaxed.get("/me", headers=bearer(own)).status_code == 200
    assert refresh(relaxed, own).status_code == 200
    assert problem(relaxed.get("/me", headers=bearer(other))) == (401, "invalid-token")
    assert problem(refresh(relaxed, other)) == (401, "invalid-token")
    login(relaxed, password=OTHER_PASSWORD)
    refused = relaxed.post("/login", json={"username": "ada", "password": PASSWORD})
    assert problem(refused) == (401, "invalid-credentials")


def test_a_password_is_changed_by_who_knows_it(client: Client) -> None:
    register(client)
    own = bearer(login(client))
    wrong = {"current_password": OTHER_PASSWORD, "new_password": "seven lanterns in the rain"}
    weak = {"current_password": PASSWORD, "new_password": "aaaaaaaaaaaaaaaaaaaa"}
    assert problem(client.put("/me/password", headers=own, json=wrong)) == (403, "wrong-password")
    assert problem(client.put("/me/password", headers=own, json=weak)) == (400, "weak-password")
    login(client, password=PASSWORD)


def test_a_token_outlives_its_account_and_is_not_valid(
    client: Client, sign_in: SignIn, database: Database
) -> None:
    ghost = sign_in("viewer", "ghost")
    with database.work() as work:
        work.connection.execute(users.delete())
    passwords = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    for answer in (
        client.get("/me", headers=ghost),
        client.patch("/me", headers=ghost, json={"email": "ghost@example.com"}),
        client.put("/me/password", headers=ghost, json=passwords),
    ):
        assert problem(answer) == (401, "invalid-token")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stockroom", error="invalid_token"'


# All accounts


def test_administrators_see_all_accounts_by_name(client: Client, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    for name in ("eve", "bob", "dan"):
        sign_in("clerk", name)
    first = client.get("/users", headers=admin, params={"per_page": 3})
    assert [user["username"] for user in first.json()["users"]] == ["admin", "bob", "dan"]
    assert first.json()["total"] == 4
    assert first.headers["Link"] == f'<{first.json()["next"]}>; rel="next"'
    last = client.get(first.json()["next"], headers=admin).json()
    assert [user["username"] for user in last["users"]] == ["eve"]
    assert last["next"] is None


def test_a_changed_role_ends_the_sessions_and_counts_from_the_next_login(
    relaxed: Client, sign_in: SignIn
) -> None:
    admin = sign_in("admin")
    register(relaxed)
    clerk = login(relaxed)
    item = {"sku": "A1", "name": "Axe"}
    assert problem(relaxed.post("/items", headers=bearer(clerk), json=item)) == (403, "insufficient-scope")
    changed = relaxed.patch("/users/ada", headers=admin, json={"role": "manager"})
    assert changed.json()["role"] == "manager"
    assert problem(relaxed.get("/me", headers=bearer(clerk))) == (401, "invalid-token")
    assert relaxed.post("/items", headers=bearer(login(relaxed)), json=item).status_code == 201


def test_a_disabled_account_is_shut_out_until_it_is_enabled(relaxed: Client, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    register(relaxed)
    tokens = login(relaxed)
    assert relaxed.patch("/users/ada", headers=admin, json={"disabled": True}).json()["disabled"] is True
    assert problem(relaxed.get("/me", headers=bearer(tokens))) == (401, "invalid-token")
    assert problem(refresh(relaxed, tokens)) == (401, "invalid-token")
    refused = relaxed.post("/login", json={"username": "ada", "password": PASSWORD})
    assert problem(refused) == (401, "invalid-credentials")
    relaxed.patch("/users/ada", headers=admin, json={"disabled": False})
    login(relaxed)


@pytest.mark.parametrize("change", [{"role": "manager"}, {"disabled": True}])
def test_the_last_administrator_stays_one(client: Client, sign_in: SignIn, change: dict[str, Any]) -> None:
    admin = sign_in("admin")
    assert problem(client.patch("/users/admin", headers=admin, json=change)) == (409, "last-admin")
    sign_in("admin", "second")
    assert client.patch("/users/admin", headers=admin, json=change).status_code == 200


def test_nobody_is_nowhere(client: Client, sign_in: SignIn) -> None:
    admin = sign_in("admin")
    assert problem(client.patch("/users/nobody", headers=admin, json={"role": "clerk"})) == (404, "not-found")


# Roles


def scopes_of(contract: Contract, role: str) -> set[str]:
    """The scopes of a role, in the words of the contract's description of its security scheme."""
    scheme = contract.document.raw["components"]["securitySchemes"]["password"]
    scopes = set(scheme["flows"]["password"]["scopes"])
    viewer = {scope for scope in scopes if scope.endswith(":read")} | {"me:write"}
    clerk = viewer | {"stock:write", "tasks:write"}
    manager = clerk | {"items:write", "webhooks:manage"}
    return {"viewer": viewer, "clerk": clerk, "manager": manager, "admin": scopes}[role]


@pytest.mark.parametrize("role", ["viewer", "clerk", "manager", "admin"])
def test_a_role_may_do_what_the_contract_gives_it(
    client: Client, sign_in: SignIn, contract: Contract, role: str
) -> None:
    caller = sign_in(role)
    allowed, refused = set(), set()
    for example in plain_examples(contract):
        request = example.request()
        answer = client.request(**request | {"headers": request["headers"] | caller})
        is_refused = answer.status_code == 403 and answer.json()["type"] == "/problems/insufficient-scope"
        (refused if is_refused else allowed).add(example.operation.id)
    owned = scopes_of(contract, role)
    security = {name: operation.spec["security"] for name, operation in contract.operations.items()}
    expected = {
        name
        for name, schemes in security.items()
        if not schemes or any(set(s["password"]) <= owned for s in schemes)
    }
    if "items:write" not in owned:
        # What is imported, here items, asks for its own scope besides (contract: POST /imports).
        expected.discard("handlers.imports.create")
    assert allowed == expected
    assert refused == security.keys() - expected
    assert refused or role == "admin"


def test_without_a_token_only_open_operations_answer(client: Client, contract: Contract) -> None:
    for example in plain_examples(contract):
        answer = client.request(**example.request())
        asked = answer.status_code == 401 and answer.json()["type"] == "/problems/unauthenticated"
        assert asked == bool(example.operation.spec["security"]), example
        if asked:
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="stockroom"'
