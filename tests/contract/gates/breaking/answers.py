"""What clients read: answers and problems."""

from tests.contract.changes import add, all_of, cut, replace, without
from tests.contract.gates.breaking.table import HARMLESS, case, schema

ITEMS, DOCS, YAML = "\n  /items:", "\n  /docs:", "\n  /openapi.yaml:"
WELCOME = schema("Welcome")
SUM, LEVEL = schema("Sum"), schema("Level")
SUMMARY = schema("Summary")

ANSWERS = [
    case(
        "a member of an answer taken away or added",
        all_of(without(f"{LEVEL} > low: {{"), replace(LEVEL, ", low]", "]")),
        "low is gone",
        HARMLESS,
    ),
    case(
        "a member of an answer renamed",
        all_of(replace(SUMMARY, "low_stock,", "low,"), replace(SUMMARY, "low_stock: {", "low: {")),
        "low_stock is gone",
        "low is gone",
    ),
    case(
        "a member of an answer made optional or required",
        replace(SUMMARY, ", as_of]", "]"),
        "as_of is no longer required",
        HARMLESS,
    ),
    case(
        "a value that may be answered added or taken away",
        replace(schema("DependencyState"), "[ok, failed, unused]", "[ok, failed, slow, unused]"),
        "enum gained slow",
        HARMLESS,
    ),
    case(
        "values that may be answered no longer listed, or listed",
        without(f"{schema('DependencyState')} > enum:"),
        "enum is gone",
        HARMLESS,
    ),
    case(
        "a longer text answered, or a shorter one",
        replace(WELCOME, "maxLength: 200", "maxLength: 300"),
        "maxLength was 200, is 300",
        HARMLESS,
    ),
    case(
        "a smaller number answered, or a larger one",
        replace(SUM, "minimum: 0", "minimum: -1"),
        "minimum was 0, is -1",
        HARMLESS,
    ),
    case(
        "null answered, or never",
        replace(SUM, "format: int64", "format: int64\n      nullable: true"),
        "nullable was False, is True",
        HARMLESS,
    ),
    case(
        "fractions answered, or never",
        replace(SUM, "type: integer", "type: number"),
        "type was integer, is number",
        HARMLESS,
    ),
    case(
        "null neither taken nor answered, or both",
        replace(schema("ItemDescription"), "      nullable: true\n", ""),
        "nullable was True, is False",
        "nullable was False, is True",
    ),
    case(
        "other members answered, or none",
        without(f"{schema('Dependencies')} > additionalProperties"),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a schema that holds itself",
        add(
            f"{schema('Dependencies')} > properties:",
            "\n        within: {$ref: '#/components/schemas/Dependencies'}",
        ),
        HARMLESS,
        "within is gone",
    ),
    case("a refusal taken away or added", without("\n  /register: > '409'"), "the 409 is gone", HARMLESS),
    case(
        "a success changed for another",
        replace(f"{ITEMS} > post:", "'201':", "'200':"),
        "the 200 is new; the 201 is gone",
        "the 200 is gone; the 201 is new",
    ),
    case(
        "a precondition asked for",
        add(
            "\n  /me: > patch: > responses:",
            "\n        '428': {$ref: '#/components/responses/PreconditionRequired'}",
        ),
        "the 428 is new",
        "the 428 is gone",
    ),
    case(
        "a redirection",
        add(f"{DOCS} > responses:", "\n        '307': {description: Elsewhere.}"),
        "the 307 is new",
        "the 307 is gone",
    ),
    case(
        "what is known already not sent again",
        all_of(
            add("\n  /users: > parameters:", "\n        - {$ref: '#/components/parameters/IfNoneMatch'}"),
            add(
                "\n  /users: > responses:",
                "\n        '304': {$ref: '#/components/responses/PageNotModified'}",
            ),
        ),
        HARMLESS,
        "the 304 is gone; the header if-none-match is gone",
    ),
    case(
        "a header of an answer taken away or added",
        without("\n    Item: > ETag:"),
        "the header ETag is gone",
        HARMLESS,
    ),
    case(
        "a header of an answer made optional or required",
        without("\n  headers: > \n    Location: > required:"),
        "it is no longer required",
        HARMLESS,
    ),
    case(
        "a larger number in a header, or a smaller one",
        replace("\n    Retry-After:", "maximum: 86400", "maximum: 90000"),
        "maximum was 86400, is 90000",
        HARMLESS,
    ),
    case(
        "a media type of an answer changed for another",
        replace(YAML, "application/yaml:", "text/yaml:"),
        "application/yaml is gone; text/yaml is new",
        "application/yaml is new; text/yaml is gone",
    ),
    case(
        "a media type of an answer added or taken away",
        add(
            f"{DOCS} > '200': > content:", "\n            text/plain: {schema: {type: string, maxLength: 9}}"
        ),
        "text/plain is new",
        "text/plain is gone",
    ),
    case(
        "HTML for whoever asks for it, beside JSON, added or taken away",
        add(
            "\n  /health/live: > example: {status: ok}",
            "\n            text/html:\n              schema: {type: string, maxLength: 9}",
        ),
        HARMLESS,
        "text/html is gone",
    ),
]

PROBLEMS = [
    case(
        "a member of problems taken away or added",
        without(f"{schema('Problem')} > dependencies:"),
        "dependencies is gone",
        HARMLESS,
    ),
    case(
        "types of problem listed, or no longer",
        replace(
            "\n    NotFound: > schema:",
            "{$ref: '#/components/schemas/Problem'}",
            "{allOf: [{$ref: '#/components/schemas/Problem'}, "
            "{type: object, properties: {type: {type: string, enum: [/problems/not-found]}}}]}",
        ),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a type of problem renamed",
        replace("\nx-problems:", "\n  sku-taken:", "\n  sku-in-use:"),
        "the problem sku-taken is gone",
        "the problem sku-in-use is gone",
    ),
    case(
        "a type of problem taken away or added",
        cut("\nx-problems: > \n  sku-taken:", "  location-taken:"),
        "the problem sku-taken is gone",
        HARMLESS,
    ),
    case(
        "a type of problem with another status",
        replace("\nx-problems: > \n  sku-taken:", "status: 409", "status: 422"),
        "the problem sku-taken was answered with 409",
        "the problem sku-taken was answered with 422",
    ),
]
