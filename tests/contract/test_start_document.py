"""Documents that are not OpenAPI as the runtime can run it: refused, by line."""

import pytest

import handlers
from stockroom.contract.contract import Contract
from stockroom.contract.document import ContractError
from stockroom.http.binding import bind_handlers
from tests.contract.changes import Change, Refusal, replace

LOGIN, ITEMS = "\n  /login:", "\n  /items:"
PAGE = "schema: {type: integer, minimum: 1, maximum: 1000000}"
EXACT = "schema: {type: string, enum: [exact]}"


@pytest.mark.parametrize(
    ("change", "trail", "message"),
    [
        pytest.param(replace("", "openapi: 3.0.4", "openapi: 3.1.0"), "openapi", "no OpenAPI 3.0", id="3.1"),
        pytest.param(lambda text: "- a\n- list\n", "- a", "no OpenAPI 3.0", id="a list"),
        pytest.param(lambda text: "a text", "a text", "no OpenAPI 3.0", id="a text"),
        pytest.param(
            lambda text: text + "\n  - [unclosed\n", "\n  - [unclosed\n", "this is no YAML", id="no YAML"
        ),
        pytest.param(
            replace(LOGIN, "      summary", "\tsummary"),
            f"{LOGIN} > \tsummary",
            "this is no YAML",
            id="a tab",
        ),
        pytest.param(
            replace(LOGIN, "summary: Log in", "summary: Log in\n      summary: Log out"),
            f"{LOGIN} > summary: Log out",
            "'summary' is there twice",
            id="a key twice",
        ),
        pytest.param(
            replace("\n    Page:", "in: query", "in: body"), "\n    Page:", "", id="a parameter from nowhere"
        ),
        pytest.param(
            replace(ITEMS, "components/parameters/Page'", "components/parameters/Leaf'"),
            f"{ITEMS} > components/parameters/Leaf",
            "#/components/parameters/Leaf is nowhere in this document",
            id="a reference to nothing",
        ),
        pytest.param(
            replace("\n  /:", "'#/components/schemas/Welcome'", "'https://example.org/welcome.json'"),
            "https://example.org/welcome.json",
            "https://example.org/welcome.json is nowhere in this document",
            id="a reference to elsewhere",
        ),
        pytest.param(
            replace("\n    Page:", "in: query", "in: cookie"),
            "\n  /users: > get:",
            "page needs a schema and a place",
            id="a parameter in a cookie",
        ),
        pytest.param(
            replace("\n    Page:", PAGE, "schema: {type: number}"),
            "\n  /users: > get:",
            "parameters of type number are not supported",
            id="a parameter that is a number",
        ),
        pytest.param(
            replace("\n    Page:", PAGE, "schema: {minimum: 1}"),
            "\n  /users: > get:",
            "parameters of type None are not supported",
            id="a parameter without a type",
        ),
        pytest.param(
            replace("\n    Count:", EXACT, "content: {application/json: {schema: {type: object}}}"),
            "\n  /users: > get:",
            "count needs a schema and a place",
            id="a parameter in JSON",
        ),
        pytest.param(
            replace("\n    Sku:\n      type", "'^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'", r"'^(a)\1$'"),
            f"{ITEMS} > post:",
            "",
            id="a pattern that needs backtracking",
        ),
        pytest.param(
            replace("\n  /imports:", ", maxLength: 104857600", ""),
            "\n  /imports: > post:",
            "a body of text/csv needs a maxLength",
            id="a file without a bound",
        ),
    ],
)
def test_a_document_that_cannot_be_run_is_refused(
    change: Change, trail: str, message: str, refusal: Refusal
) -> None:
    refusal(change, trail, message)


def test_the_contract_as_it_is_starts(contract: Contract) -> None:
    assert len(contract.operations) == contract.document.text.count(b"\n      operationId: ")


def test_a_dependency_that_nobody_provides_is_refused(contract: Contract) -> None:
    with pytest.raises(ContractError, match=r"openapi.yaml:\d+: handlers.service.welcome asks for version"):
        bind_handlers(contract.document, contract.operations, handlers, constants={}, providers={})
