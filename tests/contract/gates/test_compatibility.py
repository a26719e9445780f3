"""The contract of the last release is kept; and what the gate takes for breaking, one way and the other."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stockroom.contract.document import CONTRACT, read_document
from tests.contract.changes import Change, find, replace, without
from tests.contract.gates.breaking.answers import ANSWERS, PROBLEMS
from tests.contract.gates.breaking.operations import ACCESS, FORMS, OPERATIONS
from tests.contract.gates.breaking.requests import BODIES, PARAMETERS
from tests.contract.gates.breaking.table import TODAY, changed, present, schema, told
from tests.contract.gates.compatibility import breaking_changes

PAGED = CONTRACT.read_text().count("'#/components/parameters/PerPage'")


def last_release(folder: Path = CONTRACT.parent / "released") -> Path:
    """The contract of the newest version that is kept."""
    return max(folder.glob("*.yaml"), key=lambda path: [int(part) for part in path.stem.split(".")])


# What lets in whom it should not cannot wait for a sunset (docs/adr/0011): each such change, with its reason.
CLOSED = {
    "GET /me": "A token narrowed to other scopes read the account's e-mail address.",
    "PATCH /me": "A token narrowed to other scopes, or to none, changed the account.",
    "PUT /me/password": "A token narrowed to other scopes, or to none, changed the account.",
}


def test_the_contract_keeps_what_the_last_release_promised() -> None:
    today = datetime.now(UTC).date()
    broken = breaking_changes(read_document(last_release()), read_document(CONTRACT), today)
    unsafe = {place: [line for line in broken if _asks_for_more(line, place)] for place in CLOSED}
    assert all(unsafe.values()), f"closed, and not found: {[place for place in CLOSED if not unsafe[place]]}"
    excused = {line for lines in unsafe.values() for line in lines}
    assert excused == set(broken), "\n".join(line for line in broken if line not in excused)


def _asks_for_more(line: str, place: str) -> bool:
    return ": security was " in line and line.endswith(f" ({place})")


def test_the_last_release_is_the_one_of_the_highest_number(tmp_path: Path) -> None:
    for version in ("0.9.0", "0.10.0", "0.2.11"):
        (tmp_path / f"{version}.yaml").touch()
    assert last_release(tmp_path).name == "0.10.0.yaml"


@pytest.mark.parametrize(
    ("change", "forth", "back"),
    [*OPERATIONS, *PARAMETERS, *BODIES, *ANSWERS, *PROBLEMS, *ACCESS, *FORMS],
)
def test_a_change_breaks_clients_one_way_or_the_other(change: Change, forth: str, back: str) -> None:
    other = changed(change)
    assert told(present(), other) == forth
    assert told(other, present()) == back


@pytest.mark.parametrize(
    ("change", "trail", "place"),
    [
        pytest.param(
            replace("\n    PerPage:", "maximum: 100", "maximum: 50"),
            "\n    PerPage: > schema:",
            f"(GET /users, query per_page, and {PAGED - 1} more places)",
            id="at a component that many use",
        ),
        pytest.param(
            replace("\n  /login:", "5/minute", "3/minute"),
            "\n  /login: > x-rate-limit",
            "(POST /login)",
            id="at an operation",
        ),
        pytest.param(
            without("\n  /register: > '409'"),
            "\n  /register: > responses:",
            "(POST /register)",
            id="at what is left around something gone",
        ),
        pytest.param(
            replace(f"{schema('Summary')} > \n        locations:", "minimum: 0", "minimum: -1"),
            f"{schema('Summary')} > \n        locations:",
            "(GET /summary, 200, application/json /locations)",
            id="at a member",
        ),
        pytest.param(
            replace(schema("NewCount"), "maxItems: 500", "maxItems: 100"),
            f"{schema('NewCount')} > maxItems",
            "(POST /counts, its body, application/json /lines)",
            id="at a keyword",
        ),
    ],
)
def test_a_break_is_told_where_it_is_and_where_clients_meet_it(
    change: Change, trail: str, place: str
) -> None:
    after = changed(change)
    text = after.text.decode()
    (line,) = breaking_changes(present(), after, TODAY)
    assert line.startswith(f"openapi/openapi.yaml:{1 + text.count(chr(10), 0, find(text, trail) + 1)}: ")
    assert line.endswith(place)
