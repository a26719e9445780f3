"""Operations as a whole, who may call them and how often, and what is only written differently."""

from tests.contract.changes import add, all_of, cut, replace, without
from tests.contract.gates.breaking.table import GONE, HARMLESS, case, schema

LOGIN, ITEMS, ITEM, DOCS = "\n  /login:", "\n  /items:", "\n  /items/{sku}:", "\n  /docs:"

OPERATIONS = [
    case("an operation taken away or added", cut("\n  /summary:", "  /imports:"), GONE, HARMLESS),
    case("a path renamed", replace("\npaths:", "\n  /summary:", "\n  /overview:"), GONE, GONE),
    case("a method changed for another", replace("\n  /me/password:", "    put:", "    post:"), GONE, GONE),
    case(
        "an operationId renamed",
        replace(LOGIN, "handlers.auth.login", "handlers.auth.enter"),
        "handlers.auth.login is called handlers.auth.enter",
        "handlers.auth.enter is called handlers.auth.login",
    ),
    case(
        "words, tags and links changed",
        all_of(
            replace(LOGIN, "summary: Log in", "summary: Begin a session"),
            replace(LOGIN, "tags: [auth]", "tags: [me]"),
            cut(f"{ITEMS} > post: > links:", "        '400'"),
        ),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "an operation deprecated",
        add(
            f"{LOGIN} > post:",
            "\n      deprecated: true"
            "\n      x-deprecation: {since: '2027-01-01', sunset: '2027-12-31', link: /docs}",
        ),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "answers kept for less long",
        replace("\n  /summary:", "seconds: 60", "seconds: 30"),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "the service moved",
        replace("\nservers:", "- url: /", "- url: /v2"),
        "servers was changed",
        "servers was changed",
    ),
    case(
        "something in an operation that the gate knows nothing of",
        add(f"{LOGIN} > post:", "\n      callbacks: {}"),
        "callbacks was changed",
        "callbacks was changed",
    ),
]

ACCESS = [
    case(
        "another scope asked for",
        replace(ITEMS, "password: [items:read]", "password: [items:write]"),
        "security was password items:read, is password items:write",
        "security was password items:write, is password items:read",
    ),
    case(
        "one more scope asked for, or one less",
        replace(ITEMS, "password: [items:read]", "password: [items:read, stock:read]"),
        "security was password items:read, is password items:read stock:read",
        HARMLESS,
    ),
    case(
        "a token asked for, or none",
        replace(DOCS, "security: []", "security: [{password: []}]"),
        "security was open, is password",
        HARMLESS,
    ),
    case(
        "another way in opened or closed",
        replace(ITEMS, "- password: [items:read]", "- password: [items:read]\n        - key: []"),
        HARMLESS,
        "security was password items:read or key, is password items:read",
    ),
    case(
        "a key asked for besides, or not",
        replace(ITEMS, "- password: [items:read]", "- password: [items:read]\n          key: []"),
        "security was password items:read, is password items:read and key",
        HARMLESS,
    ),
    case(
        "tokens given elsewhere",
        replace("\n  securitySchemes:", "tokenUrl: /login", "tokenUrl: /token"),
        "tokenUrl was changed",
        "tokenUrl was changed",
    ),
    case(
        "a scope taken away or added",
        without("\n  securitySchemes: > webhooks:manage: Manage"),
        "the scope webhooks:manage is gone",
        HARMLESS,
    ),
    case(
        "fewer requests allowed, or more",
        replace(LOGIN, "5/minute", "3/minute"),
        "x-rate-limit was 5/minute per ip, is 3/minute per ip",
        HARMLESS,
    ),
    case(
        "as many requests allowed, and no bursts",
        replace("\n  /logout:", "60/minute", "1/second"),
        "x-rate-limit was 60/minute per user, is 1/second per user",
        HARMLESS,
    ),
    case(
        "a limit shared with others",
        replace("\n  /logout:", "per: user", "per: ip"),
        "x-rate-limit was 60/minute per user, is 60/minute per ip",
        "x-rate-limit was 60/minute per ip, is 60/minute per user",
    ),
    case(
        "a limit lifted or set",
        without("\n  /logout: > x-rate-limit"),
        HARMLESS,
        "x-rate-limit was not set, is 60/minute per user",
    ),
]

FORMS = [
    case(
        "a schema renamed",
        lambda text: text.replace("schemas/Quantity'", "schemas/Amount'").replace(
            "\n    Quantity:", "\n    Amount:"
        ),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a schema written where it is used",
        replace(
            schema("MovementPage"),
            "{$ref: '#/components/schemas/Next'}",
            "{type: string, maxLength: 3000, nullable: true}",
        ),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a schema wrapped",
        replace(
            schema("MovementPage"),
            "{$ref: '#/components/schemas/Next'}",
            "{allOf: [{$ref: '#/components/schemas/Next'}], description: More.}",
        ),
        HARMLESS,
        HARMLESS,
    ),
    case(
        "a parameter said once for the whole path",
        all_of(
            replace(ITEM, "    get:", "    parameters: [{$ref: '#/components/parameters/Sku'}]\n    get:"),
            without(f"{ITEM} > patch: > parameters/Sku"),
        ),
        HARMLESS,
        HARMLESS,
    ),
]
