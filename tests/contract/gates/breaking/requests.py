"""What clients send: parameters and bodies."""

from tests.contract.changes import add, all_of, cut, replace, without
from tests.contract.gates.breaking.table import HARMLESS, case, schema

LOGIN, ITEMS, IMPORTS, COUNTS = "\n  /login:", "\n  /items:", "\n  /imports:", "\n  /counts:"
LIST_PARAMETERS = f"{ITEMS} > parameters:"
CREDENTIALS = schema("Credentials")
NEW_ITEM = schema("NewItem")
NEW_COUNT = schema("NewCount")
MOVEMENT = schema("NewMovement")
ADJUSTMENT = schema("AdjustmentLine")
BODY_OF_COUNTS = f"{COUNTS} > requestBody: > {{$ref: '#/components/schemas/NewCount'}}"

PARAMETERS = [
    case(
        "an optional parameter taken away or added",
        cut(f"{ITEMS} > - name: tag", "        - name: archived"),
        "the query tag is gone",
        HARMLESS,
    ),
    case(
        "a required parameter added or taken away",
        add(LIST_PARAMETERS, "\n        - {name: depth, in: query, required: true, schema: {type: integer}}"),
        "the query depth is new and required",
        "the query depth is gone",
    ),
    case(
        "a parameter made required or optional",
        add(f"{ITEMS} > - name: tag", "\n          required: true"),
        "it is required",
        HARMLESS,
    ),
    case(
        "a parameter renamed",
        replace(ITEMS, "- name: tag", "- name: label"),
        "the query tag is gone",
        "the query label is gone",
    ),
    case(
        "a parameter moved from the query to a header",
        replace(f"{ITEMS} > - name: tag", "in: query", "in: header"),
        "the query tag is gone",
        "the header tag is gone",
    ),
    case(
        "a header written in another case",
        replace("\n  parameters: > \n    IfMatch:", "name: If-Match", "name: if-match"),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a list written another way",
        replace(IMPORTS, "explode: false", "explode: true"),
        "it is written another way",
        "it is written another way",
    ),
    case(
        "a style said that was taken for granted",
        add(f"{ITEMS} > - name: tag", "\n          style: form\n          explode: true"),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a default changed",
        replace(ITEMS, "default: sku", "default: name"),
        'default was "sku", is "name"',
        'default was "name", is "sku"',
    ),
    case(
        "a default taken away or added",
        replace("\n    PerPage:", ", default: 20", ""),
        "default was 20, is not set",
        "default was not set, is 20",
    ),
    case(
        "a value that may be sent taken away or added",
        replace(f"{ITEMS} > - name: sort", ", -updated_at", ""),
        "enum lost -updated_at",
        HARMLESS,
    ),
    case(
        "values that may be sent listed, or no longer",
        replace(f"{ITEMS} > - name: q", "type: string", "type: string, enum: [axe]"),
        "enum is new",
        HARMLESS,
    ),
    case(
        "a maximum lowered or raised",
        replace("\n    PerPage:", "maximum: 100", "maximum: 50"),
        "maximum was 100, is 50",
        HARMLESS,
    ),
    case(
        "a maximum excluded or included",
        replace("\n    PerPage:", "maximum: 100", "maximum: 100, exclusiveMaximum: true"),
        "maximum was 100, is 100 and excluded",
        HARMLESS,
    ),
    case(
        "a minimum lowered or raised",
        replace("\n    PerPage:", "minimum: 1", "minimum: 0"),
        HARMLESS,
        "minimum was 0, is 1",
    ),
    case(
        "a shortest text made longer or shorter",
        replace(f"{ITEMS} > - name: q", "minLength: 1", "minLength: 3"),
        "minLength was 1, is 3",
        HARMLESS,
    ),
    case(
        "an empty text taken or refused",
        replace(f"{ITEMS} > - name: q", "minLength: 1", "minLength: 0"),
        HARMLESS,
        "minLength was 0, is 1",
    ),
    case(
        "a pattern changed",
        replace(f"{ITEMS} > - name: q", r"'^[^\x00]*$'", "'^[a-z]*$'"),
        r"pattern was ^[^\x00]*$, is ^[a-z]*$",
        r"pattern was ^[a-z]*$, is ^[^\x00]*$",
    ),
    case(
        "a pattern taken away or added",
        replace(f"{ITEMS} > - name: q", r", pattern: '^[^\x00]*$'", ""),
        HARMLESS,
        r"pattern was not set, is ^[^\x00]*$",
    ),
    case(
        "a format taken away or added",
        replace("\n  /movements: > - name: since", "format: date-time, ", ""),
        HARMLESS,
        "format was not set, is date-time",
    ),
    case(
        "fractions taken or refused",
        replace("\n    Page:", "type: integer", "type: number"),
        HARMLESS,
        "type was number, is integer",
    ),
    case(
        "a type changed for another",
        replace(
            "\n    Page:", "{type: integer, minimum: 1, maximum: 1000000}", "{type: string, maxLength: 9}"
        ),
        "type was integer, is string",
        "type was string, is integer",
    ),
]

BODIES = [
    case(
        "a media type of a body taken away or added",
        cut(f"{LOGIN} > application/x-www-form", "      responses:"),
        "application/x-www-form-urlencoded is not taken any more",
        HARMLESS,
    ),
    case(
        "a body made optional or required",
        replace("\n  /register: > requestBody:", "required: true", "required: false"),
        HARMLESS,
        "it is required",
    ),
    case(
        "a body taken away or asked for",
        cut("\n  /register: > requestBody:", "      responses:"),
        "no body is taken any more",
        "it is required",
    ),
    case("a member of a body taken away or added", without(f"{NEW_ITEM} > unit:"), "unit is gone", HARMLESS),
    case(
        "a member of a body shut out from elsewhere, or let in",
        add(
            f"{NEW_COUNT} > type: object",
            "\n      allOf: [{additionalProperties: false, "
            "properties: {location: {}, reference: {}, occurred_at: {}, lines: {}}}]",
        ),
        "note is gone",
        HARMLESS,
    ),
    case(
        "a required member of a body added or taken away",
        all_of(
            replace(NEW_ITEM, "required: [sku, name]", "required: [sku, name, barcode]"),
            add(f"{NEW_ITEM} > properties:", "\n        barcode: {type: string}"),
        ),
        "barcode is required",
        "barcode is gone",
    ),
    case(
        "a member of a body made required or optional",
        replace(NEW_ITEM, "required: [sku, name]", "required: [sku, name, unit]"),
        "unit is required",
        HARMLESS,
    ),
    case(
        "other members taken or refused",
        without(f"{CREDENTIALS} > additionalProperties"),
        HARMLESS,
        "members that are not listed are refused",
    ),
    case(
        "other members of a kind taken or refused",
        replace(
            CREDENTIALS, "additionalProperties: false", "additionalProperties: {type: string, maxLength: 9}"
        ),
        HARMLESS,
        "members that are not listed are refused",
    ),
    case(
        "more members asked for, or fewer",
        replace(schema("ItemChanges"), "minProperties: 1", "minProperties: 2"),
        "minProperties was 1, is 2",
        HARMLESS,
    ),
    case(
        "fewer items taken, or more",
        replace(NEW_COUNT, "maxItems: 500", "maxItems: 100"),
        "maxItems was 500, is 100",
        HARMLESS,
    ),
    case(
        "equal items refused or taken",
        replace(NEW_COUNT, "maxItems: 500", "maxItems: 500\n          uniqueItems: true"),
        "uniqueItems was not set, is true",
        HARMLESS,
    ),
    case(
        "a smaller kind of number taken, or a larger",
        replace(schema("CountLine"), "format: int64", "format: int32"),
        "format was int64, is int32",
        HARMLESS,
    ),
    case(
        "a hint to user interfaces given or not",
        replace(schema("Password"), ", format: password", ""),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a bound added beside a reference",
        replace(
            NEW_COUNT,
            "{$ref: '#/components/schemas/Reference'}",
            "{allOf: [{$ref: '#/components/schemas/Reference'}, {maxLength: 50}]}",
        ),
        "maxLength was 100, is 50",
        HARMLESS,
    ),
    case(
        "a choice given or taken away",
        replace(
            BODY_OF_COUNTS,
            "{$ref: '#/components/schemas/NewCount'}",
            "{oneOf: [{$ref: '#/components/schemas/NewCount'}, {$ref: '#/components/schemas/NewReceipt'}]}",
        ),
        HARMLESS,
        "NewReceipt is no longer a choice",
    ),
    case(
        "a branch taken away or added",
        all_of(
            without(f"{MOVEMENT} > - {{$ref: '#/components/schemas/NewAdjustment'}}"),
            without(f"{MOVEMENT} > adjustment: '#"),
        ),
        "adjustment is no longer a choice",
        HARMLESS,
    ),
    case(
        "a branch renamed by the discriminator",
        replace(MOVEMENT, "receipt: '#", "intake: '#"),
        "receipt is no longer a choice",
        "intake is no longer a choice",
    ),
    case(
        "another member told from",
        replace(MOVEMENT, "propertyName: kind", "propertyName: type"),
        "discriminator was kind, is type",
        "discriminator was type, is kind",
    ),
    case(
        "fewer items taken in a branch, or more",
        replace(f"{schema('NewIssue')} > lines:", "maxItems: 500", "maxItems: 400"),
        "maxItems was 500, is 400",
        HARMLESS,
    ),
    case(
        "more excluded, or less",
        replace(ADJUSTMENT, "not: {enum: [0]}", "not: {enum: [0, 1]}"),
        "enum gained 1",
        HARMLESS,
    ),
    case("nothing excluded, or something", without(f"{ADJUSTMENT} > not: {{enum"), HARMLESS, "not is new"),
    case(
        "a keyword that the gate knows nothing of",
        replace(f"{NEW_COUNT} > lines:", "type: array", "type: array\n          readOnly: true"),
        "readOnly was not set, is true",
        "readOnly was true, is not set",
    ),
]
