"""POST /imports on the wire, and what comes of it once the work is done."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Client = Any
Headers = dict[str, str]
Import = Callable[..., httpx.Response]
Done = Callable[..., dict[str, Any]]

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "samples" / "items.csv"
RETAIL = REPOSITORY.parent / "shared" / "data" / "online-retail-sample.csv"


@pytest.fixture
def admin(sign_in: Callable[..., Headers]) -> Headers:
    return sign_in("admin")


@pytest.fixture
def send(client: Client, admin: Headers) -> Import:
    """Send a file to be imported as items."""

    def send(content: bytes, headers: Headers | None = None, **query: str) -> httpx.Response:
        sent = admin | {"Content-Type": "text/csv"} | (headers or {})
        answer: httpx.Response = client.post(
            "/imports", params={"kind": "items", **query}, headers=sent, content=content
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


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def counts(**members: int) -> dict[str, int]:
    return dict.fromkeys(("created", "updated", "unchanged", "merged", "rejected"), 0) | members


# What is accepted


def test_a_file_becomes_a_task(client: Client, admin: Headers, send: Import) -> None:
    answer = send(b"sku,name\nA1,Axe\n")
    assert answer.status_code == 202
    task = answer.json()
    assert answer.headers["Location"] == f"/tasks/{task['id']}"
    assert answer.headers["Retry-After"] == "1"
    assert (task["state"], task["dry_run"], task["progress"]) == ("queued", False, {"done": 0, "total": None})
    assert client.get(answer.headers["Location"], headers=admin).json() == task


def test_the_work_fills_the_catalogue(client: Client, admin: Headers, done: Done) -> None:
    header = b"sku,name,description,unit,reorder_point,tags\n"
    file = header + b"A1,Axe,Heavy,pair,3,sharp|tools\nA2,Adze,,,,\n"
    task = done(file)
    assert (task["state"], task["progress"]) == ("succeeded", {"done": 2, "total": 2})
    assert task["summary"] == counts(created=2)
    item = client.get("/items/A1", headers=admin).json()
    assert (item["description"], item["unit"], item["reorder_point"]) == ("Heavy", "pair", 3)
    assert item["tags"] == ["sharp", "tools"]
    again = done(file.replace(b"Adze", b"Maul"))
    assert again["summary"] == counts(updated=1, unchanged=1)
    assert client.get("/items/A2", headers=admin).json()["version"] == 2


def test_columns_and_delimiter_are_as_said(client: Client, admin: Headers, done: Done) -> None:
    file = b"Code|What exactly|name\nA1|Axe, small|ignored\n"
    task = done(file, columns="Code:sku,What exactly:name", delimiter="|")
    assert task["summary"] == counts(created=1)
    assert client.get("/items/A1", headers=admin).json()["name"] == "Axe, small"


def test_titles_are_where_is_said_and_columns_what_is_said(
    client: Client, admin: Headers, done: Done
) -> None:
    file = b'Stock list,,\nsku,"Reading, Berks",tags\nA1,Axe,"Made to Order, Shirt"\n'
    task = done(file, columns="#2:name,tags:ignore", header_line="2")
    assert task["summary"] == counts(created=1)
    assert task["reading"]["passed_over"] == [{"number": 3, "title": "tags"}]
    item = client.get("/items/A1", headers=admin).json()
    assert (item["name"], item["tags"]) == ("Axe", [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_delimiter_and_encoding_are_found_out(
    client: Client, admin: Headers, done: Done, delimiter: str, encoding: str
) -> None:
    file = f"sku{delimiter}name\r\nA1{delimiter}Kühlbox für Öl\r\n".encode(encoding)
    assert done(file)["summary"] == counts(created=1)
    assert client.get("/items/A1", headers=admin).json()["name"] == "Kühlbox für Öl"


def test_the_charset_says_the_encoding(client: Client, admin: Headers, send: Import, work_off: Any) -> None:
    # Each of these bytes is a letter in both encodings, so that nothing could find it out.
    answer = send("sku,name\nA1,Café\n".encode("cp1252"), {"Content-Type": "Text/CSV; Charset=ISO-8859-1"})
    work_off(answer.json()["id"])
    assert client.get("/items/A1", headers=admin).json()["name"] == "Café"


def test_a_dry_run_counts_everything_and_changes_nothing(client: Client, admin: Headers, done: Done) -> None:
    done(b"sku,name\nA1,Axe\n")
    before = client.get("/items", headers=admin).json()
    task = done(b"sku,name\nA1,Adze\nA2,Maul\nA2,Mallet\nbad sku,Saw\n", dry_run="true")
    assert (task["dry_run"], task["state"], task["errors"]) == (True, "succeeded", 2)
    assert task["summary"] == counts(created=1, updated=1, merged=1, rejected=1)
    assert client.get("/items", headers=admin).json() == before


def test_faults_are_listed_by_line_and_stop_nothing(client: Client, admin: Headers, done: Done) -> None:
    file = b'sku,name,reorder_point\nA1,Axe,1\n,Adze,2\nA2,"Two\nlines",3\nA3,Maul,many\nA4\nA1,Hatchet,1\n'
    task = done(file)
    assert task["summary"] == counts(created=1, merged=1, rejected=4)
    listed = client.get(f"/tasks/{task['id']}/errors", headers=admin).json()
    assert listed["total"] == task["errors"] == 5
    found = [(error["line"], error["column"], error["kind"], error["value"]) for error in listed["errors"]]
    assert found == [
        (3, "sku", "rejected", None),
        (4, "name", "rejected", "Two\N{REPLACEMENT CHARACTER}lines"),
        (6, "reorder_point", "rejected", "many"),
        (7, "name", "rejected", None),
        (8, "name", "merged", "Hatchet"),
    ]
    assert client.get("/items", headers=admin).json()["total"] == 1
    assert client.get("/items/A1", headers=admin).json()["name"] == "Hatchet"


def test_hostile_values_are_faults_of_their_rows(client: Client, admin: Headers, done: Done) -> None:
    file = b"sku,name\nA1,\0\nA2,\xff\xfe\x81\nA3," + b"x" * 1_100_000 + b"\nA4,Axe\n"
    task = done(file, encoding="utf-8")
    assert task["summary"] == counts(created=1, rejected=3)
    lines = [
        error["line"] for error in client.get(f"/tasks/{task['id']}/errors", headers=admin).json()["errors"]
    ]
    assert lines == [2, 3, 4]


# What is refused


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ({}, 2),
        ({"columns": "Code:sku"}, 1),
        ({"columns": "Code:sku,Nothing:name"}, 1),
        ({"columns": "Code:colour"}, 3),
    ],
)
def test_columns_that_do_not_fit_are_told(send: Import, query: dict[str, str], blamed: int) -> None:
    answer = send(b"Code,What\nA1,Axe\n", **query)
    assert problem(answer) == (400, "invalid-csv")
    assert [error["parameter"] for error in answer.json()["errors"]] == ["columns"] * blamed
    assert "Code" in answer.text


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"\0" * 100, b"x" * 100_000])
def test_files_without_a_header_are_refused(send: Import, content: bytes) -> None:
    assert problem(send(content)) == (400, "invalid-csv")


@pytest.mark.parametrize(
    "media", ["application/json", "text/plain", "multipart/form-data", "text/csv; charset=klingon"]
)
def test_other_media_types_are_refused(send: Import, media: str) -> None:
    assert problem(send(b"sku,name\nA1,Axe\n", {"Content-Type": media})) == (415, "unsupported-media-type")


def test_files_that_are_said_or_found_to_be_too_large_are_refused(client: Client, admin: Headers) -> None:
    limit = 104_857_600
    headers = admin | {"Content-Type": "text/csv"}
    said = client.post(
        "/imports?kind=items", headers=headers | {"Content-Length": str(limit + 1)}, content=b"sku"
    )
    assert problem(said) == (413, "content-too-large")
    block = b"x" * 2**20
    found = client.post("/imports?kind=items", headers=headers, content=(block for _ in range(101)))
    assert problem(found) == (413, "content-too-large")


@pytest.mark.parametrize(
    ("query", "blamed"),
    [
        ("", "kind"),
        ("kind=people", "kind"),
        ("kind=items&dry_run=maybe", "dry_run"),
        ("kind=items&delimiter=x", "delimiter"),
        ("kind=items&columns=sku", "columns"),
        ("kind=items&columns=", "columns"),
        ("kind=items&colour=red", "colour"),
        ("kind=items&header_line=0", "header_line"),
        ("kind=movements&dates=dym", "dates"),
    ],
)
def test_odd_wishes_are_refused(client: Client, admin: Headers, query: str, blamed: str) -> None:
    headers = admin | {"Content-Type": "text/csv"}
    answer = client.post(f"/imports?{query}", headers=headers, content=b"sku,name\n")
    assert problem(answer) == (400, "validation-failed")
    assert {error["parameter"] for error in answer.json()["errors"]} == {blamed}


def test_what_is_refused_leaves_nothing_behind(
    client: Client, admin: Headers, send: Import, tmp_path: Path
) -> None:
    send(b"Code,What\nA1,Axe\n")
    send(b"")
    assert client.get("/tasks", headers=admin).json()["total"] == 0
    assert [
        path for path in tmp_path.rglob("*") if path.suffix == ".csv" or path.name.startswith("upload-")
    ] == []


# Real files


def test_the_shipped_sample_shows_what_imports_do(client: Client, admin: Headers, done: Done) -> None:
    rows = list(csv.DictReader(SAMPLE.read_text(encoding="utf-8").splitlines()))
    task = done(SAMPLE.read_bytes())
    assert (task["state"], task["progress"]["done"]) == ("succeeded", len(rows))
    summary = task["summary"]
    assert sum(summary.values()) == len(rows)
    assert summary["merged"] > 0
    assert summary["rejected"] > 0
    assert client.get("/items", headers=admin).json()["total"] == summary["created"]


@pytest.mark.skipif(not RETAIL.exists(), reason=f"{RETAIL.name} is not there")
def test_a_real_invoice_list_is_imported_as_a_catalogue(client: Client, admin: Headers, done: Done) -> None:
    names: dict[str, str] = {}
    rejected, renamed, merged = [], [], 0
    reader = csv.DictReader(RETAIL.read_text(encoding="utf-8").splitlines(), delimiter=";")
    for row in reader:
        sku, name = row["StockCode"].strip(), row["Description"].strip()
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", sku) or name in {"", "NA"}:
            rejected.append(reader.line_num)
            continue
        merged += sku in names
        if names.get(sku, name) != name:
            renamed.append(reader.line_num)
        names[sku] = name
    assert (len(names), merged, len(renamed), len(rejected)) == (1681, 3315, 11, 4)  # Counted by hand, once.

    task = done(RETAIL.read_bytes(), columns="StockCode:sku,Description:name")
    assert (task["state"], task["progress"]) == ("succeeded", {"done": 5000, "total": 5000})
    assert task["summary"] == counts(created=len(names), merged=merged, rejected=len(rejected))
    errors = client.get(f"/tasks/{task['id']}/errors?per_page=100", headers=admin).json()["errors"]
    assert [error["line"] for error in errors if error["kind"] == "rejected"] == rejected
    assert [error["line"] for error in errors if error["kind"] == "merged"] == renamed
    found, following = {}, "/items?per_page=100"
    while following:
        page = client.get(following, headers=admin).json()
        found |= {item["sku"]: item["name"] for item in page["items"]}
        following = page["next"]
    assert found == names
