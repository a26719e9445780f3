"""Deprecated operations say so on every answer, and a contract that deprecates by halves is refused."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract, load_contract
from stockroom.contract.document import CONTRACT, ContractError, parse_document
from stockroom.contract.policies import check_policies
from tests.contract.asgi import ask
from tests.contract.changes import Change, Refusal, add, all_of, find, replace
from tests.service import CheckedClient as Client

LOGIN, ITEMS, ITEM, AS_JSON = "\n  /login:", "\n  /items:", "\n  /items/{sku}:", "\n  /openapi.json:"
LINK = "/docs#/items/handlers.items.list_items"
LINES = f"""
      deprecated: true
      x-deprecation: {{since: '2026-11-22', sunset: '2027-06-30', link: '{LINK}'}}"""
DATES = {"Deprecation": "@1795305600", "Sunset": "Wed, 30 Jun 2027 00:00:00 GMT"}
OUR_LINK = f'<{LINK}>; rel="deprecation"'

pytestmark = pytest.mark.usefixtures("unrecorded")


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """The contract with some operations deprecated; it is the one that `client` is served by here."""
    folder = tmp_path_factory.mktemp("deprecated")
    path = folder / "openapi.yaml"
    trails = [*(f"{place} > get:" for place in (ITEMS, ITEM, AS_JSON)), f"{LOGIN} > post:"]
    path.write_text(all_of(*(add(trail, LINES) for trail in trails))(CONTRACT.read_text()))
    return load_contract(folder, path)


@pytest.fixture(scope="module")
def conformance(contract: Contract) -> Conformance:
    return Conformance(contract)


def test_every_answer_of_a_deprecated_operation_says_so(client: Client, sign_in: Any) -> None:
    admin = sign_in("admin")
    made = client.post("/items", headers=admin, json={"sku": "A1", "name": "Axe"})
    known = admin | {"If-None-Match": made.headers["ETag"]}
    answers = [
        client.get("/items/A1", headers=admin),
        client.get("/items/A1", headers=known),
        client.get("/items?page=x", headers=admin),
        client.get("/items/A1"),
        client.get("/items/A2", headers=admin),
        client.get("/openapi.json"),
        *(client.post("/login", json={}) for _ in range(6)),
    ]
    assert [answer.status_code for answer in answers] == [200, 304, 400, 401, 404, 200, *[400] * 5, 429]
    for answer in answers:
        assert {name: answer.headers[name] for name in DATES} == DATES
        assert answer.headers["Link"] == OUR_LINK


def test_links_of_the_operations_own_stay_on_the_same_line(client: Client, sign_in: Any) -> None:
    admin = sign_in("admin")
    for sku in ("A1", "A2"):
        client.post("/items", headers=admin, json={"sku": sku, "name": "Axe"})
    answer = client.get("/items?per_page=1", headers=admin)
    following = f'<{answer.json()["next"]}>; rel="next"'
    assert answer.headers.get_list("Link") == [f"{following}, {OUR_LINK}"]


def test_other_operations_say_nothing_of_the_kind(client: Client) -> None:
    assert not {"deprecation", "sunset", "link"} & client.get("/openapi.yaml").headers.keys()
    assert not {"deprecation", "sunset", "link"} & client.get("/nothing").headers.keys()


def test_a_request_that_is_no_request_of_any_operation_is_answered_by_none(
    client: Client, conformance: Conformance
) -> None:
    answer = asyncio.run(ask(client.app, "GET", "/openapi.json", [("Host", "a"), ("Host", "b")]))
    assert answer
    assert answer.status == 400
    assert "deprecation" not in answer.headers
    assert not conformance.faults("GET", "/openapi.json", 400, answer.headers, answer.body)


@pytest.mark.parametrize(
    ("path", "headers", "fault"),
    [
        pytest.param(
            "/openapi.json", {}, "the header sunset does not tell of the deprecation", id="not said"
        ),
        pytest.param(
            "/openapi.json",
            {"deprecation": "@1795305600", "sunset": "Thu, 01 Jul 2027 00:00:00 GMT", "link": OUR_LINK},
            "the header sunset does not tell of the deprecation",
            id="said wrongly",
        ),
        pytest.param(
            "/openapi.json",
            {"link": '</items?cursor=a>; rel="next"'},
            "the header link does not tell of the deprecation",
            id="with another link alone",
        ),
        pytest.param(
            "/openapi.yaml",
            {"deprecation": "@1795305600"},
            "the header deprecation is not declared",
            id="of another",
        ),
    ],
)
def test_an_answer_that_says_otherwise_is_not_the_contracts(
    path: str, headers: dict[str, str], fault: str, conformance: Conformance
) -> None:
    assert fault in conformance.faults("GET", path, 304, {"etag": '"a"'} | headers, b"")


def deprecated(spec: str) -> Change:
    return add(f"{LOGIN} > post:", f"\n      deprecated: true\n      x-deprecation: {spec}")


def within(since: str = "'2026-11-22'", sunset: str = "'2027-06-30'", link: str = "/docs") -> Change:
    return deprecated(f"{{since: {since}, sunset: {sunset}, link: {link}}}")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *(
            pytest.param(
                deprecated(spec), "x-deprecation needs since, sunset and link", id=f"x-deprecation {spec}"
            )
            for spec in ("null", "soon", "{}", "{since: '2026-11-22', sunset: '2027-06-30'}")
        ),
        *(
            pytest.param(within(since=day), "days in quotes", id=f"since {day}")
            for day in ("2026-11-22", "'20261122'", "'2026-11-31'", "'now'", "7")
        ),
        *(
            pytest.param(within(sunset=day), "days in quotes", id=f"sunset {day}")
            for day in ("2027-06-30", "null")
        ),
        *(
            pytest.param(within(sunset=day), "the sunset comes after since", id=f"sunset {day}")
            for day in ("'2026-11-22'", "'2025-11-22'")
        ),
        *(
            pytest.param(within(link=link), "an absolute path or an https URL", id=f"link {link}")
            for link in (
                "docs",
                "'http://example.com/'",
                "'/docs>; rel=next'",
                r'"/docs\r\nX: y"',
                "7",
                "null",
            )
        ),
        *(
            pytest.param(within(link=link), "and nothing can be read there", id=f"link {link}")
            for link in ("/nothing", "/login", "'/nothing#/docs'")
        ),
        pytest.param(
            replace(f"{LOGIN} > post:", "post:", "post:\n      x-deprecation: {}"),
            "is for what is deprecated: true",
            id="a sunset of what is not deprecated",
        ),
    ],
)
def test_a_deprecation_is_said_in_full(change: Change, message: str) -> None:
    text = change(CONTRACT.read_text())
    line = text.count("\n", 0, find(text, f"{LOGIN} > x-deprecation")) + 1
    with pytest.raises(ContractError) as caught:
        check_policies(parse_document(CONTRACT, text.encode()))
    assert f"openapi/openapi.yaml:{line}: " in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "trail"),
    [
        pytest.param(
            add(f"{LOGIN} > post:", "\n      deprecated: true"), f"{LOGIN} > deprecated", id="an operation"
        ),
        pytest.param(
            replace("\n    PerPage:", "in: query", "in: query\n      deprecated: true"),
            "\n    PerPage: > deprecated",
            id="a parameter",
        ),
        pytest.param(
            replace("\n    Level: > low:", "{type", "{deprecated: true, type"),
            "\n    Level: > low:",
            id="a member",
        ),
    ],
)
def test_nothing_is_deprecated_without_a_sunset(change: Change, trail: str, refusal: Refusal) -> None:
    refusal(change, trail, "what is deprecated says until when, in x-deprecation")


def test_examples_may_speak_of_deprecation(tmp_path: Path) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(
        replace("\n  /: > example:", "message:", "deprecated: true\n                message:")(
            CONTRACT.read_text()
        )
    )
    load_contract(tmp_path, path)
