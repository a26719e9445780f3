"""The contract keeps our rules, and each rule tells what breaks it, by name and line.

That static paths stand before templated ones is no rule here, as the service does not start otherwise:
tests/contract/test_start_policies.py, "a path behind one that takes its requests".
"""

import pytest

from stockroom.contract.contract import Contract
from stockroom.contract.document import CONTRACT, parse_document
from tests.contract.changes import Change, find, replace, without
from tests.contract.gates.lint import EXEMPT, RULES, lint
from tests.contract.gates.lint.validity import invalidities

HEALTH, REGISTER, LOGIN, ME = "\n  /health/live:", "\n  /register:", "\n  /login:", "\n  /me:"
ITEMS, ITEM, IMPORTS = "\n  /items:", "\n  /items/{sku}:", "\n  /imports:"
SUMMARY, REVERSAL, SCHEMAS = "\n  /summary:", "\n  /movements/{id}/reversal:", "\n  schemas:"
RECEIPT, TOTALS, KIND = "\n    NewReceipt:", "\n    Totals:", "\n    MovementKind:"
ETAG = "ETag: {$ref: '#/components/headers/ETag'}"
TOO_MANY = "{$ref: '#/components/responses/TooManyRequests'}"
KEY = "        - {$ref: '#/components/parameters/IdempotencyKey'}"

# By rule: a change of the contract, where it then breaks the rule, and what is told.
CASES: dict[str, list[tuple[Change, str, str]]] = {
    "path-names": [
        (
            replace("", "/me/password:", "/me/newPassword:"),
            "\n  /me/newPassword:",
            "newPassword is no kebab-case",
        ),
    ],
    "parameter-names": [
        (replace(IMPORTS, "dry_run", "dryRun"), f"{IMPORTS} > - name: dryRun", "dryRun is no snake_case"),
        (
            replace("\n    IfMatch:", "If-Match", "if-match"),
            "\n    IfMatch:",
            "if-match is no Title-Case",
        ),
        (
            replace(REGISTER, "Location:", "location:"),
            f"{REGISTER} > location:",
            "location is no Title-Case",
        ),
    ],
    "property-names": [
        (replace(TOTALS, "on_hand: ", "onHand: "), f"{TOTALS} > onHand", "onHand is no snake_case"),
    ],
    "component-names": [
        (replace(SCHEMAS, TOTALS, "\n    totals:"), "\n    totals:", "totals is no name of a component"),
    ],
    "enum-values": [
        (replace(KIND, "[rec", "[Rec"), f"{KIND} > enum", "Receipt is no lower-case word"),
        (
            replace(KIND, "[receipt", "[goods_in, goods-out"),
            f"{KIND} > enum",
            "hyphens and underscores are mixed",
        ),
    ],
    "operation-ids": [
        (
            replace(LOGIN, "auth.login", "auth.logIn"),
            f"{LOGIN} > operationId",
            "handlers.auth.logIn is no handlers.<module>.<function>",
        ),
        (
            replace("\n  /me/password:", "handlers.me", "handlers.users"),
            "\n  /users: > operationId",
            "users is a module of me, and this is users",
        ),
    ],
    "one-tag": [
        (replace(LOGIN, "[auth]", "[auth, me]"), f"{LOGIN} > post:", "the operation has 2 tags"),
        (replace(IMPORTS, "[imports]", "[work]"), f"{IMPORTS} > tags", "the tag work is not declared"),
        (
            replace(HEALTH, "[service]", "[auth]"),
            "\n  /health/ready: > tags",
            "other operations of service stand further up",
        ),
    ],
    "used-tags": [
        (
            replace("\ntags:", "- {name: me", "- {name: you, description: Other accounts.}\n  - {name: me"),
            "- {name: you",
            "no operation has the tag you",
        ),
    ],
    "used-components": [
        (
            replace(SCHEMAS, TOTALS, f"\n    Nothing: {{type: boolean}}{TOTALS}"),
            "\n    Nothing:",
            "nothing refers to Nothing",
        ),
        (
            replace(
                SCHEMAS,
                TOTALS,
                "\n    Tree: {type: object, properties: {tree: {$ref: '#/components/schemas/Tree'}}}"
                + TOTALS,
            ),
            "\n    Tree:",
            "nothing refers to Tree",
        ),
    ],
    "used-scopes": [
        (
            replace("\n          scopes:", "tasks:read: See", "tasks:see: See"),
            "tasks:see:",
            "no operation asks for tasks:see",
        ),
    ],
    "used-problems": [
        (
            replace("\nx-problems:", "\n  same-location:", "\n  same-colour:"),
            "\n  same-colour:",
            "no operation tells of same-colour",
        ),
    ],
    "problem-types-told": [
        (
            replace("\n    NotFound:", "type: {type: string, enum:", "title: {type: string, enum:"),
            "\n  /users/{username}: > '404'",
            "it does not say which problems it may be",
        ),
    ],
    "link-targets": [
        (
            replace("\n    Tokens: > links:", "handlers.auth.refresh", "handlers.auth.logout"),
            "\n    Tokens: > links: > refresh:",
            "handlers.auth.logout takes no body",
        ),
        (
            replace(
                "\n  /movements:",
                "{operationId: handlers.movements.reverse",
                "{operationId: handlers.me.leave",
            ),
            "\n  /movements: > reverse: {",
            "there is no operation handlers.me.leave",
        ),
        (
            replace("\n  /movements:", "reverse, parameters: {id:", "reverse, parameters: {sku:"),
            "\n  /movements: > reverse: {",
            "handlers.movements.reverse takes no sku",
        ),
        (
            replace("\n  /movements:", "reverse, parameters: {id:", "reverse, parameters: {Idempotency-Key:"),
            "\n  /movements: > reverse: {",
            "handlers.movements.reverse lacks id",
        ),
    ],
    "summaries": [
        (without(f"{LOGIN} > summary"), f"{LOGIN} > post:", "a summary has 1 to 60 characters"),
        (replace(LOGIN, "Log in", "Log in."), f"{LOGIN} > summary", "and no full stop"),
        (replace(LOGIN, "Log in", "Log in" + " now" * 20), f"{LOGIN} > summary", "1 to 60 characters"),
        (
            replace("\n  /logout:", "Log out", "Log in"),
            "\n  /logout: > summary",
            "another operation has the summary Log in",
        ),
    ],
    "descriptions": [
        (without("\n  /me: > description"), "\n  /me: > get:", "the description is missing"),
        (replace(ME, "The caller's account.", "Who am I."), f"{ME} > get:", "only repeats the name or"),
        (
            replace(IMPORTS, "Check and count everything, change nothing.", "check and count everything"),
            f"{IMPORTS} > - name: dry_run",
            "is no sentence from capital to full stop",
        ),
        (
            replace("\n  headers:", "Where the new thing is.", "Where the new thing is"),
            "\n  headers: > Location:",
            "is no sentence from capital to full stop",
        ),
        (replace("\n  responses:", "Done.", "done"), "\n    Done:", "is no sentence"),
        (replace("\ntags:", "What is where.", "what is where"), "- {name: levels", "is no sentence"),
        (replace("", "Move stock.", "Move stock"), "stock:write: Move", "is no sentence"),
        (
            replace("\nx-problems:", "Another account has the name.", "taken"),
            "\n  username-taken:",
            "is no sentence",
        ),
    ],
    "described-schemas": [
        (without(f"{TOTALS} > description"), TOTALS, "Totals is not described"),
        (
            replace("\n    Level:", "low: {type: boolean, description", "low: {type: boolean, x-text"),
            "\n    Level: > low:",
            "low is not described",
        ),
        (replace(RECEIPT, "Stock comes in.", "comes in"), RECEIPT, "is no sentence from capital"),
    ],
    "typed-schemas": [
        (without("\n    Role: > type"), "\n    Role:", "the schema has no type"),
        (
            replace(SCHEMAS, TOTALS, f"\n    All: {{allOf: [{{type: string}}]}}{TOTALS}"),
            "\n    All:",
            "there is no reference among what is narrowed",
        ),
    ],
    "string-bounds": [
        (without("\n    ItemName: > maxLength"), "\n    ItemName:", "the string has no maxLength"),
        (
            replace("\n    TaskError:", "maxLength: 300, ", ""),
            "\n    TaskError: > reason:",
            "the string has no maxLength",
        ),
    ],
    "integer-bounds": [
        (
            replace("\n    PageSize:", ", maximum: 100", ""),
            "\n    PageSize:",
            "the integer lacks a minimum or maximum",
        ),
        (
            replace("\n    Sum:", "9223372036854775807", "9223372036854775808"),
            "\n    Sum:",
            "the integer has more than 64 bits",
        ),
        (without("\n    Quantity: > format"), "\n    Quantity:", "int64 where an integer needs more"),
        (
            replace("\n    PageSize:", "integer", "integer, format: int64"),
            "\n    PageSize:",
            "format is int64 where an integer needs more than 32 bits, and only there",
        ),
        (
            replace("\n    PageSize:", "integer", "number"),
            "\n    PageSize:",
            "a number that is no integer",
        ),
    ],
    "array-bounds": [
        (without(f"{RECEIPT} > maxItems"), f"{RECEIPT} > lines:", "the array has no maxItems"),
        (
            replace("\n    Tags:", "maxItems: 20", "maxItems: 2000"),
            "\n    Tags:",
            "more than 100 items are compared with each other",
        ),
    ],
    "object-bounds": [
        (
            without(f"{RECEIPT} > additionalProperties"),
            RECEIPT,
            "the object is neither closed nor bounded",
        ),
    ],
    "formats": [
        (
            replace("\n    Email:", "format: email", "format: e-mail"),
            "\n    Email: > format",
            "the format e-mail is checked by nothing",
        ),
    ],
    "input-forms": [
        (without("\n    ItemName: > pattern"), "\n    ItemName:", "may hold anything"),
        (
            replace("\n  /locations: > name: q", ", pattern: '^[^\\x00]*$'", ""),
            "\n  /locations: > name: q > schema",
            "may hold anything",
        ),
    ],
    "portable-patterns": [
        (
            replace("\n    Tag:", "'^[a-z0-9][a-z0-9-]{0,39}$'", "'^[a-z0-9][a-z0-9-]{0,39}'"),
            "\n    Tag: > pattern",
            "^[a-z0-9][a-z0-9-]{0,39} does not end with $",
        ),
    ],
    "linear-patterns": [
        (
            replace("\n    Tag:", "'^[a-z0-9][a-z0-9-]{0,39}$'", "'^([a-z0-9]+-?)+$'"),
            "\n    Tag: > pattern",
            "^([a-z0-9]+-?)+$ can be read in ever more ways",
        ),
    ],
    "parameter-examples": [
        (without("\n    Page: > example"), "\n    Page:", "there is no example"),
        (without("\n    ETag: > example"), "\n    ETag:", "there is no example"),
    ],
    "body-examples": [
        (without(f"{LOGIN} > example: {{username"), f"{LOGIN} > application/json:", "there is no example"),
        (without(f"{HEALTH} > example"), f"{HEALTH} > application/json:", "there is no example"),
        (
            replace(IMPORTS, "            example: |", "            x-shown: |"),
            f"{IMPORTS} > text/csv:",
            "there is no example",
        ),
    ],
    "problem-examples": [
        (
            replace("\n    SkuTaken:", "status: 409", "status: 404"),
            f"{ITEMS} > '409'",
            "its example has the type /problems/sku-taken, the status 404",
        ),
        (
            replace("\n    SkuTaken:", "title: This SKU is taken", "title: Taken"),
            f"{ITEMS} > '409'",
            "its example has the type /problems/sku-taken",
        ),
        (
            replace(ITEMS, "responses/SkuTaken", "responses/NotFound"),
            f"{ITEMS} > '409'",
            "its example has the type /problems/not-found, the status 404",
        ),
    ],
    "reserved-names": [
        (
            replace(ME, "ada@lovelace.example", "ada@lovelace.org"),
            f"{ME} > example",
            "lovelace.org is not reserved for examples",
        ),
        (
            replace("\n    Location:", "/items/22411", "http://localhost:8000/items/22411"),
            "\n    Location: > example",
            "localhost is not reserved for examples",
        ),
        (
            replace("\n    SkuTaken:", "There is an item 22411 already.", "10.0.0.7 was first."),
            "\n    SkuTaken: > detail",
            "10.0.0.7 is not reserved for examples",
        ),
    ],
    "limit-answers": [
        (without(f"{LOGIN} > '503'"), f"{LOGIN} > responses:", "there is no 503"),
        (
            replace(
                HEALTH, "'400': {$ref: '#/components/responses/UnlimitedBadRequest'}", f"'429': {TOO_MANY}"
            ),
            f"{HEALTH} > '429'",
            "nothing is limited or needed here that could cause a 429",
        ),
    ],
    "not-found": [
        (without(f"{ITEM} > '404'"), f"{ITEM} > responses:", "can be missing, and there is no 404"),
        (
            replace(SUMMARY, "'429':", "'404': {$ref: '#/components/responses/NotFound'}\n        '429':"),
            f"{SUMMARY} > '404'",
            "nothing is named that could be missing",
        ),
    ],
    "quota-headers": [
        (without(f"{ITEMS} > RateLimit:"), f"{ITEMS} > '200'", "RateLimit or RateLimit-Policy is missing"),
        (
            without("\n    PageNotModified: > RateLimit-Policy:"),
            f"{ITEMS} > '304'",
            "RateLimit or RateLimit-Policy is missing",
        ),
    ],
    "entity-tags": [
        (without(f"{ITEMS} > {ETAG}"), f"{ITEMS} > '200'", "ETag is missing"),
        (
            lambda text: without(f"\n    Item:\n      description > {ETAG}")(
                without(f"{ITEM} > parameters/IfNoneMatch")(text)
            ),
            f"{ITEM} > get: > '200'",
            "ETag is missing",
        ),
    ],
    "locations": [
        (without(f"{REGISTER} > Location:"), f"{REGISTER} > '201'", "Location is missing"),
        (without(f"{IMPORTS} > Location:"), f"{IMPORTS} > '202'", "Location is missing"),
    ],
    "lists": [
        (
            without(f"{ITEMS} > parameters/Cursor"),
            f"{ITEMS} > get:",
            "the list does not take cursor",
        ),
        (without(f"{ITEMS} > Link:"), f"{ITEMS} > '200'", "Link is missing"),
        (
            replace("\n    ItemPage:", "total_is_exact, ", ""),
            f"{ITEMS} > '200'",
            "this is not the body of a list",
        ),
    ],
    "explicit-security": [
        (without(f"{LOGIN} > security"), f"{LOGIN} > post:", "does not say whom it is for"),
    ],
    "limits": [
        (without(f"{ME} > x-rate-limit"), f"{ME} > get:", "the operation has no x-rate-limit"),
        (without(f"{LOGIN} > x-rate-limit"), f"{LOGIN} > post:", "the operation has no x-rate-limit"),
    ],
    "shared-answers": [
        (
            replace(SUMMARY, "vary: [role]", "vary: []"),
            f"{SUMMARY} > x-cache",
            "one caller gets the answer to another",
        ),
        (
            replace(LOGIN, "x-rate-limit", "x-cache: {seconds: 60, vary: []}\n      x-rate-limit"),
            f"{LOGIN} > x-cache",
            "the answer to a change is kept",
        ),
    ],
    "idempotency": [
        (without(f"{REVERSAL} > {KEY}"), f"{REVERSAL} > post:", "takes no Idempotency-Key"),
        (without(f"{IMPORTS} > {KEY}"), f"{IMPORTS} > post:", "takes no Idempotency-Key"),
    ],
}


def test_the_contract_is_valid(contract: Contract) -> None:
    assert invalidities(contract.document) == []


def test_what_is_not_valid_is_told_by_line() -> None:
    change = replace("\n    PerPage:", "in: query", "in: body")
    text = change(CONTRACT.read_text())
    line = 2 + text.count("\n", 0, find(text, "\n    PerPage:"))
    told = invalidities(parse_document(CONTRACT, text.encode()))
    assert told
    assert all(fault.startswith(f"openapi/openapi.yaml:{line}: ") for fault in told)


def test_the_contract_keeps_all_rules(contract: Contract) -> None:
    assert lint(contract.document) == []


@pytest.mark.parametrize(
    ("rule", "change", "trail", "message"),
    [
        pytest.param(rule, *case, id=f"{rule}-{number}")
        for rule, cases in CASES.items()
        for number, case in enumerate(cases)
    ],
)
def test_what_breaks_a_rule_is_told_by_name_and_line(
    rule: str, change: Change, trail: str, message: str
) -> None:
    text = change(CONTRACT.read_text())
    told = lint(parse_document(CONTRACT, text.encode()), {rule: RULES[rule]})
    place = f"openapi/openapi.yaml:{1 + text.count(chr(10), 0, find(text, trail) + 1)}: {rule}: "
    assert any(line.startswith(place) and message in line for line in told), (place, told)


def test_each_rule_is_broken_once() -> None:
    assert CASES.keys() == RULES.keys()


def test_an_exemption_is_for_one_place(contract: Contract) -> None:
    for rule, _ in EXEMPT:
        [told] = lint(contract.document, {rule: RULES[rule]}, exempt={})
        assert f": {rule}: " in told


def test_an_exemption_that_excuses_nothing_is_told(contract: Contract) -> None:
    needless = {("summaries", "/paths/~1me/get/summary"): "nothing is wrong with it"}
    assert lint(contract.document, {"summaries": RULES["summaries"]}, needless) == [
        "openapi/openapi.yaml:1: summaries: /paths/~1me/get/summary needs no exemption"
    ]
