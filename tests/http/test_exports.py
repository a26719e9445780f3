"""POST /exports on the wire, and the file that comes of it once the work is done."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from stockroom.accounts.revocations import Revocations
from stockroom.accounts.tokens import Tokens
from stockroom.contract.contract import Contract
from stockroom.contract.rows import row_validator
from stockroom.db.database import Database
from stockroom.settings import Settings
from tests.service import KEY

Client = Any
Headers = dict[str, str]
Export = Callable[..., httpx.Response]

# What has to be quoted, what is not ASCII, and what spreadsheets take for a formula.
ODD = {
    "sku": "BO-2",
    "name": 'Bolt, 5" =SUM(A1:A9)',
    "description": "Zinc plated\r\nfür außen\n;;",
    "unit": "box",
    "reorder_point": 4,
    "tags": ["bolts", "zinc-plated"],
}
SCHEMAS = {"items": "Item", "levels": "Level", "movements": "Movement"}


@pytest.fixture
def admin(client: Client, sign_in: Callable[..., Headers]) -> Headers:
    """An administrator of a shop with an axe, low, an odd bolt and an archived saw at two locations."""
    headers = sign_in("admin")
    for code in ("A-01", "A-02"):
        post(client, headers, "/locations", {"code": code, "name": code})
    post(client, headers, "/items", {"sku": "AX-1", "name": "=Axe", "reorder_point": 9, "tags": ["tools"]})
    post(client, headers, "/items", ODD)
    post(client, headers, "/items", {"sku": "SW-3", "name": "Saw"})
    client.delete("/items/SW-3", headers=headers | {"If-Match": "*"}).raise_for_status()
    return headers


@pytest.fixture
def moved(client: Client, admin: Headers) -> list[dict[str, Any]]:
    """The movements of the shop, the first one first: the second was reversed by the fourth."""
    receipt = {"kind": "receipt", "reference": "=PO-1", "note": "two\nlines", "lines": lines(6, 5)}
    issue = {"kind": "issue", "lines": [{"sku": "AX-1", "location": "A-01", "quantity": 2}]}
    count = {"location": "A-02", "lines": [{"sku": "BO-2", "counted": 5}]}
    made = [post(client, admin, "/movements", receipt), post(client, admin, "/movements", issue)]
    made.append(post(client, admin, "/counts", count))
    made.append(post(client, admin, f"/movements/{made[1]['id']}/reversal", None))
    return [client.get(f"/movements/{movement['id']}", headers=admin).json() for movement in made]


def lines(axes: int, bolts: int) -> list[dict[str, Any]]:
    return [
        {"sku": "AX-1", "location": "A-01", "quantity": axes},
        {"sku": "BO-2", "location": "A-02", "quantity": bolts},
    ]


def post(client: Client, headers: Headers, path: str, body: Any) -> dict[str, Any]:
    answer = client.post(path, headers=headers, json=body) if body else client.post(path, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@pytest.fixture
def begin(client: Client, admin: Headers) -> Export:
    """Begin an export as the administrator, or with other headers."""

    def begin(
        kind: str, format: str = "jsonl", /, headers: Headers | None = None, **filters: Any
    ) -> httpx.Response:
        body = {"kind": kind, "format": format, **({"filters": filters} if filters else {})}
        answer: httpx.Response = client.post("/exports", headers=admin | (headers or {}), json=body)
        return answer

    return begin


@pytest.fixture
def export(client: Client, admin: Headers, begin: Export, work_off: Callable[[str], None]) -> Export:
    """Export as the administrator, and get the file."""

    def export(kind: str, format: str = "jsonl", /, **filters: Any) -> httpx.Response:
        accepted = begin(kind, format, **filters)
        assert accepted.status_code == 202, accepted.text
        work_off(accepted.json()["id"])
        answer: httpx.Response = client.get(f"{accepted.headers['Location']}/result", headers=admin)
        assert answer.status_code == 200, answer.text
        return answer

    return export


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def records(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    # Not by `splitlines`, which cuts at more than line feeds.
    return [httpx.Response(200, content=line).json() for line in answer.content.split(b"\n")[:-1]]


def table(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))


# What is in a file


def test_an_export_is_a_task_whose_file_is_its_result(
    client: Client, admin: Headers, begin: Export, work_off: Callable[[str], None]
) -> None:
    accepted = begin("items", "csv")
    task = accepted.json()
    path = accepted.headers["Location"]
    assert (path, accepted.headers["Retry-After"]) == (f"/tasks/{task['id']}", "1")
    assert (task["kind"], task["state"], task["summary"]) == ("items-export", "queued", None)
    assert client.get(path, headers=admin).json() == task
    work_off(task["id"])
    done = client.get(path, headers=admin).json()
    assert (done["state"], done["progress"], done["summary"]) == ("succeeded", {"done": 2, "total": 2}, None)
    file = client.get(f"{path}/result", headers=admin)
    day = task["created_at"][:10]
    assert file.headers["Content-Disposition"] == f'attachment; filename="items-{day}.csv"'
    assert file.headers["Content-Length"] == str(len(file.content))
    again = client.get(f"{path}/result", headers=admin)
    assert (again.content, again.headers["ETag"]) == (file.content, file.headers["ETag"])
    assert client.get(f"{path}/errors", headers=admin).json()["total"] == 0


def test_head_tells_of_the_file_and_reads_none_of_it(client: Client, admin: Headers, export: Export) -> None:
    get = export("items", "csv")
    head = client.head(get.request.url.path, headers=admin)
    own = {"x-request-id", "ratelimit"}
    assert (head.status_code, head.content) == (200, b"")
    assert {name: value for name, value in head.headers.items() if name not in own} == {
        name: value for name, value in get.headers.items() if name not in own
    }


def test_json_lines_are_what_the_lists_answer(
    client: Client, admin: Headers, export: Export, moved: list[dict[str, Any]]
) -> None:
    assert records(export("items")) == client.get("/items", headers=admin).json()["items"]
    assert records(export("levels")) == client.get("/levels", headers=admin).json()["levels"]
    assert records(export("movements")) == moved
    assert [movement["lines"] for movement in moved][2] == []


def test_what_reservations_held_until_they_expired_is_free(
    client: Client, admin: Headers, export: Export, moved: list[dict[str, Any]]
) -> None:
    held = {"lines": [{"sku": "AX-1", "location": "A-01", "quantity": 4}]}
    post(client, admin, "/reservations", held)
    levels = records(export("levels", sku="AX-1"))
    assert levels == client.get("/levels?sku=AX-1", headers=admin).json()["levels"]
    assert (levels[0]["reserved"], levels[0]["available"]) == (4, 2)


def test_every_line_is_as_the_schemas_say(
    export: Export, moved: list[dict[str, Any]], contract: Contract
) -> None:
    for kind, schema in SCHEMAS.items():
        validate = row_validator(schema)
        found = records(export(kind))
        assert found
        assert [validate(record) for record in found] == [[]] * len(found)
        columns = table(export(kind, "csv"))[0].keys()
        members = contract.document.raw["components"]["schemas"][schema]["properties"].keys()
        if kind != "movements":
            assert list(columns) == list(members)


def test_a_table_of_items_has_each_value_as_it_is(
    client: Client, admin: Headers, export: Export, moved: list[dict[str, Any]]
) -> None:
    axe, bolt = table(export("items", "csv"))
    item = client.get("/items/BO-2", headers=admin).json()
    assert bolt == {
        "sku": "BO-2",
        "name": ODD["name"],
        "description": ODD["description"],
        "unit": "box",
        "reorder_point": "4",
        "tags": "bolts|zinc-plated",
        "archived": "false",
        "version": "1",
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
    }
    assert (axe["name"], axe["description"], axe["tags"]) == ("=Axe", "", "tools")


def test_a_table_of_movements_has_a_row_for_each_line(export: Export, moved: list[dict[str, Any]]) -> None:
    rows = table(export("movements", "csv"))
    assert [(row["sku"], row["location"], row["quantity"], row["kind"]) for row in rows] == [
        ("AX-1", "A-01", "6", "receipt"),
        ("BO-2", "A-02", "5", "receipt"),
        ("AX-1", "A-01", "-2", "issue"),
        ("AX-1", "A-01", "2", "reversal"),
    ]
    assert (rows[1]["reference"], rows[1]["note"], rows[1]["reverses"]) == ("=PO-1", "two\nlines", "")
    ids = [str(movement["id"]) for movement in moved]
    assert [row["id"] for row in rows] == [ids[0], ids[0], ids[1], ids[3]]
    assert (rows[2]["reversed_by"], rows[3]["reverses"]) == (ids[3], ids[1])
    assert rows[0]["occurred_at"] == moved[0]["occurred_at"]


def test_files_end_their_lines_as_their_formats_say(export: Export) -> None:
    assert export("items", "csv", tag="none").content.startswith(b"sku,name,")
    assert export("items", "csv", tag="none").content.count(b"\r\n") == 1
    assert export("items", "jsonl", tag="none").content == b""
    assert export("items", "jsonl", tag="tools").content.endswith(b"}\n")


@pytest.mark.parametrize(
    ("kind", "filters", "expected"),
    [
        ("items", {}, ["AX-1", "BO-2"]),
        ("items", {"archived": True}, ["SW-3"]),
        ("items", {"q": "bOL"}, ["BO-2"]),
        ("items", {"tag": "tools", "archived": False}, ["AX-1"]),
        ("levels", {"low": True}, ["AX-1"]),
        ("levels", {"low": False, "location": "A-02"}, ["BO-2"]),
        ("levels", {"location": "A-02"}, ["BO-2"]),
        ("levels", {"sku": "AX-1"}, ["AX-1"]),
        ("levels", {"sku": "ZZ-9"}, []),
    ],
)
def test_filters_are_those_of_the_lists(
    client: Client,
    admin: Headers,
    export: Export,
    moved: list[dict[str, Any]],
    kind: str,
    filters: dict[str, Any],
    expected: list[str],
) -> None:
    found = records(export(kind, **filters))
    assert [record["sku"] for record in found] == expected
    texts = {name: str(v).lower() if isinstance(v, bool) else v for name, v in filters.items()}
    assert found == client.get(f"/{kind}", params=texts, headers=admin).json()[kind]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"sku": "BO-2"}, [0]),
        ({"sku": "AX-1"}, [0, 1, 3]),
        ({"sku": "AX-1", "location": "A-02"}, []),
        ({"location": "A-01", "kind": "reversal"}, [3]),
        ({"kind": "count"}, [2]),
        ({"reference": "=PO-1"}, [0]),
        ({"since": "2020-01-01T00:00:00+01:00", "until": "9999-12-31T23:59:59.999999999Z"}, [0, 1, 2, 3]),
        ({"until": "2020-01-01T00:00:00Z"}, []),
        ({"sku": "ZZ-9"}, []),
    ],
)
def test_movements_that_are_meant_have_all_their_lines(
    export: Export, moved: list[dict[str, Any]], filters: dict[str, Any], expected: list[int]
) -> None:
    assert records(export("movements", **filters)) == [moved[index] for index in expected]


def test_since_and_until_are_exact(export: Export, moved: list[dict[str, Any]]) -> None:
    first = moved[0]["created_at"]
    assert records(export("movements", since=first))[0] == moved[0]
    # A moment after it, which is stored in no millisecond.
    assert moved[0] not in records(export("movements", since=first.replace("Z", "1Z")))
    assert moved[0] in records(export("movements", until=first.replace("Z", "1Z")))
    assert records(export("movements", until=first)) == []


# The way back


def upload(
    client: Client, headers: Headers, work_off: Callable[[str], None], content: bytes, query: str
) -> dict[str, Any]:
    sent = client.post(
        f"/imports?{query}", headers=headers | {"Content-Type": "text/csv"}, content=content
    ).raise_for_status()
    work_off(sent.json()["id"])
    summary: dict[str, Any] = client.get(sent.headers["Location"], headers=headers).json()["summary"]
    return summary


def test_blanks_and_line_ends_at_the_ends_survive_the_way_out_and_back(
    client: Client, admin: Headers, export: Export, work_off: Callable[[str], None]
) -> None:
    rope = {"sku": "FX-R1", "name": "Rope ", "unit": "kg ", "description": " two\n lines\n"}
    client.post("/items", headers=admin, json=rope).raise_for_status()
    summary = upload(client, admin, work_off, export("items", "csv").content, "kind=items")
    assert (summary["unchanged"], summary["updated"], summary["rejected"]) == (3, 0, 0)


def test_a_file_of_items_is_imported_as_it_is(
    client: Client, admin: Headers, export: Export, work_off: Callable[[str], None]
) -> None:
    file = export("items", "csv").content
    before = client.get("/items", headers=admin).json()["items"]
    same = upload(client, admin, work_off, file, "kind=items")
    assert same == {"created": 0, "updated": 0, "unchanged": 2, "merged": 0, "rejected": 0}
    # Under other codes it makes the same items.
    copies = file.replace(b"AX-1", b"XA-1").replace(b"BO-2", b"OB-2")
    assert upload(client, admin, work_off, copies, "kind=items")["created"] == 2
    fields = ("name", "description", "unit", "reorder_point", "tags")
    for item, code in zip(before, ("XA-1", "OB-2"), strict=True):
        copy = client.get(f"/items/{code}", headers=admin).json()
        assert [copy[name] for name in fields] == [item[name] for name in fields]


def test_a_file_of_movements_is_imported_as_adjustments(
    client: Client,
    admin: Headers,
    export: Export,
    moved: list[dict[str, Any]],
    work_off: Callable[[str], None],
) -> None:
    file = export("movements", "csv").content
    post(client, admin, "/items", {"sku": "XA-1", "name": "Axe"})
    post(client, admin, "/items", {"sku": "OB-2", "name": "Bolt"})
    copies = file.replace(b"AX-1", b"XA-1").replace(b"BO-2", b"OB-2")
    summary = upload(client, admin, work_off, copies, "kind=movements&movement=adjustment")
    assert (summary["created"], summary["rejected"]) == (4, 0)
    levels = {level["sku"]: level["on_hand"] for level in records(export("levels"))}
    assert levels == {"AX-1": 6, "BO-2": 5, "XA-1": 6, "OB-2": 5}
    copied = records(export("movements", sku="OB-2"))[0]
    assert (copied["reference"], copied["note"]) == ("=PO-1", "two\nlines")
    assert copied["occurred_at"] == moved[0]["occurred_at"]


# What is refused


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"kind": "people", "format": "csv"}, {"/kind"}),
        ({"format": "csv"}, {"/kind"}),
        ({"kind": "items"}, {""}),
        ({"kind": "items", "format": "xlsx"}, {"/format"}),
        ({"kind": "items", "format": "csv", "filters": {"low": True}}, {"/filters"}),
        ({"kind": "levels", "format": "csv", "filters": {"q": "axe"}}, {"/filters"}),
        ({"kind": "levels", "format": "csv", "filters": {"low": "yes", "sku": "a b"}}, None),
        ({"kind": "movements", "format": "csv", "filters": {"since": "2026-02-30T00:00:00Z"}}, None),
        ({"kind": "movements", "format": "csv", "filters": {"since": "9999-12-31T23:59:59-01:00"}}, None),
        ({"kind": "items", "format": "csv", "filters": None}, {"/filters"}),
        ({"kind": "items", "format": "csv", "filters": {"q": "\0"}}, None),
        ({"kind": "items", "format": "csv", "colour": "red"}, {""}),
    ],
)
def test_odd_wishes_are_refused(
    client: Client, admin: Headers, body: dict[str, Any], pointers: set[str] | None
) -> None:
    answer = client.post("/exports", headers=admin, json=body)
    assert answer.status_code == 400, answer.text
    if pointers:
        assert {error["pointer"] for error in answer.json()["errors"]} == pointers
    assert client.get("/tasks", headers=admin).json()["total"] == 0


@pytest.fixture
def narrowed(database: Database) -> Callable[..., Headers]:
    """The administrator's headers with a token for some scopes only."""
    tokens = Tokens(KEY.encode(), Revocations())

    def narrowed(*scopes: str) -> Headers:
        token = tokens.issue("admin", "session", frozenset(scopes), database.clock())
        return {"Authorization": f"Bearer {token}"}

    return narrowed


@pytest.mark.parametrize(
    ("kind", "scope"), [("items", "items:read"), ("levels", "stock:read"), ("movements", "stock:read")]
)
def test_exporting_and_reading_the_file_take_the_scope_of_what_is_in_it(
    client: Client,
    begin: Export,
    work_off: Callable[[str], None],
    narrowed: Callable[..., Headers],
    kind: str,
    scope: str,
) -> None:
    enough = narrowed("tasks:write", "tasks:read", scope)
    others = {"items:read", "stock:read", "items:write"} - {scope}
    too_little = narrowed("tasks:write", "tasks:read", *others)
    refused = begin(kind, headers=too_little)
    assert problem(refused) == (403, "insufficient-scope")
    assert refused.headers["WWW-Authenticate"].endswith(f'scope="{scope} tasks:write"')
    accepted = begin(kind, headers=enough)
    work_off(accepted.json()["id"])
    path = f"{accepted.headers['Location']}/result"
    hidden = client.get(path, headers=too_little)
    assert problem(hidden) == (403, "insufficient-scope")
    assert hidden.headers["WWW-Authenticate"].endswith(f'scope="{scope} tasks:read"')
    assert client.get(path, headers=enough).status_code == 200


def test_a_result_is_there_once_the_work_is_done(client: Client, admin: Headers, begin: Export) -> None:
    path = f"{begin('items').headers['Location']}/result"
    assert problem(client.get(path, headers=admin)) == (409, "task-unfinished")


def test_what_was_cancelled_has_no_result(
    client: Client, admin: Headers, begin: Export, work_off: Callable[[str], None]
) -> None:
    path = begin("items").headers["Location"]
    assert client.delete(path, headers=admin).json()["state"] == "cancelled"
    work_off(path.removeprefix("/tasks/"))
    assert problem(client.get(f"{path}/result", headers=admin)) == (404, "not-found")


def test_the_results_of_others_and_of_imports_do_not_exist(
    client: Client, admin: Headers, export: Export, sign_in: Callable[..., Headers]
) -> None:
    theirs = export("items").request.url.path
    assert problem(client.get(theirs, headers=sign_in("manager", "eve"))) == (404, "not-found")
    imported = client.post(
        "/imports?kind=items", headers=admin | {"Content-Type": "text/csv"}, content=b"sku,name\nA1,Axe\n"
    )
    assert problem(client.get(f"{imported.headers['Location']}/result", headers=admin)) == (404, "not-found")
    nobodys = "/tasks/0b7e9d0e-3b1c-4f52-9d7e-0d2f6b1c8a11/result"
    assert problem(client.get(nobodys, headers=admin)) == (404, "not-found")


def test_a_result_that_was_thrown_away_is_gone(
    client: Client, admin: Headers, export: Export, configure: Callable[..., Settings]
) -> None:
    path = export("items").request.url.path
    for file in Path(configure().data_dir).rglob("*.jsonl"):
        file.unlink()
    assert problem(client.get(path, headers=admin)) == (410, "result-gone")


def test_the_same_key_begins_one_export(client: Client, admin: Headers, begin: Export) -> None:
    key = {"Idempotency-Key": '"once"'}
    first, again = begin("items", headers=key), begin("items", headers=key)
    assert (again.status_code, again.content) == (202, first.content)
    assert problem(begin("levels", headers=key)) == (422, "idempotency-mismatch")
    assert client.get("/tasks", headers=admin).json()["total"] == 1
