"""Policies whose answers are not declared, and catalogues that are not whole: refused, by line."""

import pytest

from tests.contract.changes import Change, Refusal, replace, without


@pytest.mark.parametrize(
    ("trail", "status", "message"),
    [
        ("/: > get:", "400", "any request can be malformed"),
        ("/me: > get:", "401", "it asks for a token"),
        ("/items: > get:", "403", "it asks for scopes"),
        ("/docs/{asset}: > get:", "404", "its path holds one of an enum"),
        ("/items: > post:", "413", "it takes a body"),
        ("/items: > post:", "415", "it takes a body"),
        ("/items/{sku}: > patch:", "412", "it takes If-Match"),
        ("/items/{sku}: > patch:", "428", "it takes If-Match"),
        ("/items/{sku}: > get:", "304", "it takes If-None-Match"),
        ("/imports: > post:", "409", "it takes an Idempotency-Key"),
        ("/imports: > post:", "422", "it takes an Idempotency-Key"),
        ("/login: > post:", "429", "it has x-rate-limit"),
        ("/items: > get:", "429", "it has x-rate-limit"),
    ],
)
def test_an_answer_that_a_policy_causes_is_declared(
    trail: str, status: str, message: str, refusal: Refusal
) -> None:
    refusal(
        without(f"\n  {trail} > '{status}'"),
        f"\n  {trail} > responses:",
        f"{message} and declares no {status}",
    )


@pytest.mark.parametrize(
    ("answer", "header", "trail"),
    [
        ("TooManyRequests", "Retry-After", "\n  /register: > '429'"),
        ("TooManyRequests", "RateLimit:", "\n  /register: > '429'"),
        ("TooManyRequests", "RateLimit-Policy", "\n  /register: > '429'"),
        ("TooManyRequestsOrAttempts", "Retry-After", "\n  /login: > '429'"),
        ("Unavailable", "Retry-After", "\n  /register: > '503'"),
        ("UnauthorizedOrGone", "WWW-Authenticate", "\n  /me: > '401'"),
    ],
)
def test_the_headers_of_an_answer_are_declared(
    answer: str, header: str, trail: str, refusal: Refusal
) -> None:
    refusal(without(f"\n    {answer}: > {header}"), trail, "lacks a header it always has")


@pytest.mark.parametrize(
    ("answer", "header", "trail"),
    [
        ("PageNotModified", "ETag", "\n  /items: > '304'"),
        ("PageNotModified", "Link", "\n  /items: > '304'"),
        ("NotModified", "RateLimit:", "\n  /items/{sku}: > '304'"),
    ],
)
def test_a_304_has_the_headers_of_the_answer_that_it_stands_for(
    answer: str, header: str, trail: str, refusal: Refusal
) -> None:
    refusal(without(f"\n    {answer}: > {header}"), trail, f"the 304 lacks {header.rstrip(':')}")


@pytest.mark.parametrize(
    ("change", "trail", "message"),
    [
        pytest.param(
            without("\nx-problems: > sku-taken: > title"),
            "\nx-problems: > sku-taken:",
            "a problem has a status, a title and a description",
            id="no title",
        ),
        pytest.param(
            replace("\nx-problems: > sku-taken:", "status: 409", "status: 200"),
            "\nx-problems: > sku-taken: > status",
            "the status of a problem is from 400 to 599",
            id="no error's status",
        ),
        pytest.param(
            replace("", "\nx-problems:", "\nx-trouble:"),
            "openapi",
            "(x-problems) is missing",
            id="no catalogue",
        ),
    ],
)
def test_the_catalogue_of_problems_is_complete(
    change: Change, trail: str, message: str, refusal: Refusal
) -> None:
    refusal(change, trail, message)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        pytest.param("sku-gone", "/problems/sku-gone is not in the catalogue (x-problems)", id="unknown"),
        pytest.param("not-found", "/problems/not-found has status 404, not 409", id="of another status"),
    ],
)
def test_an_error_is_a_problem_of_the_catalogue_with_its_status(
    kind: str, message: str, refusal: Refusal
) -> None:
    place = "\n    SkuTaken: > enum"
    refusal(replace(place, "/problems/sku-taken", f"/problems/{kind}"), place, message)
