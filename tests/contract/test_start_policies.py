"""Policies that mean nothing, and operations and handlers that do not fit: refused, by line."""

import pytest

from tests.contract.changes import Change, Refusal, find, replace, without

LOGIN, ITEMS, SUMMARY = "\n  /login:", "\n  /items:", "\n  /summary:"
KEY = "{$ref: '#/components/parameters/IdempotencyKey'}"
SKU = "{$ref: '#/components/parameters/Sku'}"
RATE, CACHE = "{limit: 5/minute, per: ip}", "{seconds: 60, vary: [role]}"


@pytest.mark.parametrize(
    ("change", "trail", "message"),
    [
        pytest.param(
            replace(LOGIN, "auth.login", "auth.enter"),
            f"{LOGIN} > operationId",
            "there is no handler handlers.auth.enter",
            id="an operation without a handler",
        ),
        pytest.param(
            lambda text: text[: find(text, "\n  /logout:")] + text[find(text, "\n  /me:") :],
            "\npaths:",
            "the handler handlers.auth.logout has no operation",
            id="a handler without an operation",
        ),
        pytest.param(
            replace(LOGIN, "auth.login", "auth.register"),
            f"{LOGIN} > operationId",
            "handlers.auth.register is there twice",
            id="an operationId twice",
        ),
        pytest.param(
            without(f"{LOGIN} > operationId"), f"{LOGIN} > post:", "has no operationId", id="no operationId"
        ),
        pytest.param(
            replace("\n  /me:", "handlers.me.read", "handlers.me.read\n      parameters: [" + KEY + "]"),
            "\n  /me: > responses:",
            "declares no 409",
            id="a policy by a parameter",
        ),
        pytest.param(
            replace(SUMMARY, "    get:", f"    parameters: [{KEY}]\n    get:"),
            f"{SUMMARY} > responses:",
            "declares no 422",
            id="a policy by a parameter of the whole path",
        ),
        pytest.param(
            replace(
                "\n  /docs:", "parameters:", "parameters:\n        - {$ref: '#/components/parameters/Page'}"
            ),
            "\n  /docs: > operationId",
            "handlers.document.docs takes nothing; the contract gives page",
            id="a parameter that the handler does not take",
        ),
        pytest.param(
            lambda text: replace(
                SUMMARY,
                "responses:",
                "responses:\n        '409': {$ref: '#/components/responses/IdempotencyInFlight'}"
                "\n        '422': {$ref: '#/components/responses/IdempotencyMismatch'}",
            )(replace(SUMMARY, "parameters:", f"parameters:\n        - {KEY}")(text)),
            f"{SUMMARY} > operationId",
            "has no unit of work to keep it in",
            id="an idempotency key for a read",
        ),
        pytest.param(
            lambda text: replace("\n  /tasks/{id}: > delete:", "tasks.cancel", "tasks.read")(
                replace("\n  /tasks/{id}:", "tasks.read", "tasks.cancel")(text)
            ),
            "\n  /tasks/{id}: > operationId",
            "has a unit of work; a GET reads",
            id="a read that a handler answers which changes things",
        ),
        pytest.param(
            replace(LOGIN, "required: true", "required: false"),
            f"{LOGIN} > requestBody:",
            "a body is never left out",
            id="a body that may be left out",
        ),
        pytest.param(
            without("\n  /imports: > name: columns > explode: false"),
            "\n  /imports: > parameters:",
            "the list columns is one parameter, so explode is false",
            id="a list of several parameters",
        ),
        pytest.param(
            replace(ITEMS, "[items:read]", "[items:see]"),
            f"{ITEMS} > security",
            "the scope items:see is not known",
            id="an unknown scope",
        ),
        pytest.param(
            replace(ITEMS, "password: [items:read]", "passwort: [items:read]"),
            f"{ITEMS} > security",
            "the security scheme passwort is not known",
            id="an unknown security scheme",
        ),
        pytest.param(
            replace(LOGIN, "x-rate-limit", "x-rate-limits"),
            f"{LOGIN} > x-rate-limits",
            "the policy x-rate-limits is not known",
            id="an unknown policy",
        ),
        *(
            pytest.param(
                replace(LOGIN, "5/minute", text),
                f"{LOGIN} > x-rate-limit",
                "is no limit such as",
                id=f"limit {text}",
            )
            for text in [
                "5/fortnight",
                "minute",
                "0/minute",
                "-1/minute",
                "5/minute;9/hour",
                "5",
                "'5 / minute'",
                "null",
            ]
        ),
        *(
            pytest.param(
                replace(LOGIN, RATE, text),
                f"{LOGIN} > x-rate-limit",
                "x-rate-limit needs a limit",
                id=f"limit as {text}",
            )
            for text in [
                "5/minute",
                "null",
                "{}",
                "{limit: 5/minute}",
                "{limit: 5/minute, per: ip, burst: 2}",
                "[5]",
            ]
        ),
        pytest.param(
            replace(LOGIN, "per: ip", "per: planet"),
            f"{LOGIN} > x-rate-limit",
            "a limit is per ip or per user",
            id="a limit per planet",
        ),
        pytest.param(
            replace(LOGIN, "per: ip", "per: user"),
            f"{LOGIN} > x-rate-limit",
            "without security there is no user to count by",
            id="a limit per user of an open operation",
        ),
        pytest.param(
            replace("\n  /me:", "per: user", "per: ip"),
            "\n  /me: > x-rate-limit",
            "callers who are known are counted one by one",
            id="a limit per address of an operation that asks for a token",
        ),
        *(
            pytest.param(
                replace(SUMMARY, CACHE, text),
                f"{SUMMARY} > x-cache",
                "x-cache needs whole seconds",
                id=f"cache {text}",
            )
            for text in [
                "60",
                "null",
                "{seconds: 60}",
                "{seconds: '60', vary: [role]}",
                "{seconds: true, vary: [role]}",
                "{seconds: 0, vary: [role]}",
                "{seconds: 60, vary: role}",
                "{seconds: 60, vary: [planet]}",
                "{seconds: 60, vary: [[role]]}",
            ]
        ),
        pytest.param(
            replace(LOGIN, "responses:", "responses:\n        '204': {$ref: '#/components/responses/Done'}"),
            f"{LOGIN} > responses:",
            "exactly one success",
            id="two successes",
        ),
        pytest.param(
            replace(LOGIN, "'200'", "'302'"), f"{LOGIN} > responses:", "exactly one success", id="no success"
        ),
        *(
            pytest.param(
                replace(LOGIN, "'401'", status), f"{LOGIN} > {status}:", message, id=f"status {status}"
            )
            for status, message in [("default", "default is no status"), ("4XX", "4XX is no status")]
        ),
        pytest.param(
            replace("\n    UsernameTaken:", "application/problem+json", "application/json"),
            "\n  /register: > '409'",
            "an error is answered as application/problem+json",
            id="an error as JSON",
        ),
        pytest.param(
            replace("\npaths:", "\n  /register:", "\n  /docs/register:"),
            "\n  /docs/register:",
            "/docs/register is never reached: /docs/{asset} stands before it",
            id="a path behind one that takes its requests",
        ),
        pytest.param(
            replace("\npaths:", "\n  /register:", "\n  /{anything}/levels:"),
            "\n  /{anything}/levels:",
            "/{anything}/levels and /docs/{asset} can match the same request",
            id="two paths that are as good a match",
        ),
        pytest.param(
            replace("\npaths:", "\n  /register:", "\n  /docs-{asset}:"),
            "\n  /docs-{asset}:",
            "a parameter is a whole segment of its path",
            id="a parameter within a segment",
        ),
        pytest.param(
            replace("\npaths:", "\n  /items/{sku}:", "\n  /items/{code}:"),
            "\n  /items/{code}: > get:",
            "the parameters in the path are not those that the operation declares",
            id="a parameter of the path that is not declared",
        ),
        pytest.param(
            replace("\n  /me:", "handlers.me.read", "handlers.me.read\n      parameters: [" + SKU + "]"),
            "\n  /me: > get:",
            "the parameters in the path are not those that the operation declares",
            id="a parameter that is not in the path",
        ),
        pytest.param(
            replace("\npaths:", "\n  /register:", "\n  /register/:"),
            "\n  /register/:",
            "a path does not end with a slash",
            id="a slash at the end",
        ),
    ],
)
def test_a_promise_that_could_not_be_kept_is_refused(
    change: Change, trail: str, message: str, refusal: Refusal
) -> None:
    refusal(change, trail, message)
