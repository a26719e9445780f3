"""POST /imports?kind=movements on the wire, and what it does to stock once the work is done."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

Client = Any
Headers = dict[str, str]
Import = Callable[..., httpx.Response]
Done = Callable[..., dict[str, Any]]


@pytest.fixture
def admin(client: Client, sign_in: Callable[..., Headers]) -> Headers:
    """An administrator of a shop with the items A1 and A2 and the locations NORTH and SOUTH, all empty."""
    headers = sign_in("admin")
    for sku in ("A1", "A2"):
        client.post("/items", headers=headers, json={"sku": sku, "name": "Axe"}).raise_for_status()
    for code in ("NORTH", "SOUTH"):
        client.post("/locations", headers=headers, json={"code": code, "name": code}).raise_for_status()
    return headers


@pytest.fixture
def send(client: Client, admin: Headers) -> Import:
    """Send a file to be imported as movements."""

    def send(content: bytes, headers: Headers | None = None, **query: str) -> httpx.Response:
        answer: httpx.Response = client.post(
            "/imports",
            params={"kind": "movements", **query},
            headers=(headers or admin) | {"Content-Type": "text/csv"},
            content=content,
        )
        return answer

    return send


@pytest.fixture
def done(client: Client, admin: Headers, send: Import, work_off: Callable[[str], None]) -> Done:
    """Import a file, and answer its task once it has ended."""

    def done(content: bytes, **query: str) -> dict[str, Any]:
        accepted = send(content, **query)
        assert accepted.status_code == 202, accepted.text
        work_off(accepted.json()["id"])
        task: dict[str, Any] = client.get(accepted.headers["Location"], headers=admin).json()
        return task

    return done


def levels(client: Client, admin: Headers) -> dict[tuple[str, str], int]:
    rows = client.get("/levels", headers=admin).json()["levels"]
    return {(row["sku"], row["location"]): row["on_hand"] for row in rows if row["on_hand"]}


def numbers(created: int, rejected: int = 0) -> dict[str, int]:
    return {"created": created, "updated": 0, "unchanged": 0, "merged": 0, "rejected": rejected}


def test_a_file_becomes_movements(client: Client, admin: Headers, done: Done) -> None:
    header = b"sku,quantity,location,reference,note,occurred_at\n"
    file = header + b"A1,9,NORTH,PO-1,first,2026-01-02T03:04:05Z\nA2,4,SOUTH,,,\n"
    task = done(file)
    assert (task["kind"], task["state"]) == ("movements-import", "succeeded")
    assert (task["progress"], task["summary"]) == ({"done": 2, "total": 2}, numbers(2))
    assert levels(client, admin) == {("A1", "NORTH"): 9, ("A2", "SOUTH"): 4}
    (movement,) = client.get("/movements?sku=A1", headers=admin).json()["movements"]
    assert (movement["kind"], movement["reference"], movement["note"]) == ("receipt", "PO-1", "first")
    assert (movement["occurred_at"], movement["created_by"]) == ("2026-01-02T03:04:05.000Z", "admin")


def test_an_invoice_list_is_issued_with_its_returns(client: Client, admin: Headers, done: Done) -> None:
    done(b"sku,quantity\nA1,10\n", location="NORTH")
    header = b"Code;Pieces;Invoice;When\n"
    file = header + b"A1;4;536365;12/1/10 8:26\nA1;-1;C536379;12/01/2010 09:41\nA1;8;536380;12/1/10\n"
    wishes = {"movement": "issue", "location": "NORTH", "dates": "us"}
    columns = "Code:sku,Pieces:quantity,Invoice:reference,When:occurred_at"
    foretold = done(file, columns=columns, dry_run="true", **wishes)
    assert levels(client, admin) == {("A1", "NORTH"): 10}
    task = done(file, columns=columns, **wishes)
    assert foretold["summary"] == task["summary"] == numbers(2, rejected=1)
    assert levels(client, admin) == {("A1", "NORTH"): 7}
    found = client.get("/movements", headers=admin).json()["movements"]
    assert [(row["kind"], row["reference"]) for row in found][:2] == [
        ("receipt", "C536379"),
        ("issue", "536365"),
    ]
    errors = [client.get(f"/tasks/{task['id']}/errors", headers=admin).json() for task in (foretold, task)]
    assert errors[0] == errors[1]
    assert errors[0]["errors"] == [
        {
            "line": 4,
            "column": "Pieces",
            "kind": "rejected",
            "reason": "8 requested, 7 available",
            "value": "8",
        }
    ]


def test_importing_takes_the_scope_of_what_is_imported(
    client: Client, send: Import, sign_in: Callable[..., Headers]
) -> None:
    clerk = sign_in("clerk")
    assert send(b"sku,quantity\nA1,1\n", clerk, location="NORTH").status_code == 202
    refused = send(b"sku,name\nA1,Axe\n", clerk, kind="items")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/insufficient-scope")
    challenge = 'Bearer realm="stockroom", error="insufficient_scope", scope="items:write tasks:write"'
    assert refused.headers["WWW-Authenticate"] == challenge
    assert refused.json()["detail"] == "Importing items needs the scope items:write."
    assert client.get("/tasks", headers=clerk).json()["total"] == 1


def test_a_token_narrowed_to_tasks_moves_no_stock(client: Client, send: Import) -> None:
    password = "nine tall ships sailed by"
    account = {"username": "ada", "email": "ada@example.com", "password": password}
    client.post("/register", json=account)
    form = {"username": "ada", "password": password, "scope": "tasks:write"}
    token = client.post("/login", data=form).json()["access_token"]
    refused = send(b"sku,quantity\nA1,1\n", {"Authorization": f"Bearer {token}"}, location="NORTH")
    assert refused.status_code == 403
    assert refused.headers["WWW-Authenticate"].endswith('scope="stock:write tasks:write"')


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ({"movement": "transfer"}, "movement"),
        ({"location": "a b"}, "location"),
        ({"location": ""}, "location"),
        ({"dates": "eu"}, "dates"),
    ],
)
def test_odd_wishes_are_refused(send: Import, query: dict[str, str], blamed: str) -> None:
    answer = send(b"sku,quantity\nA1,1\n", **query)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/validation-failed")
    assert {error["parameter"] for error in answer.json()["errors"]} == {blamed}


def test_a_file_without_locations_needs_one_said(send: Import) -> None:
    answer = send(b"sku,quantity\nA1,1\n")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/invalid-csv")
    assert "location" in answer.json()["errors"][0]["detail"]
