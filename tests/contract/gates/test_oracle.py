"""The oracle finds nothing wrong with what is true, and each thing that cannot have happened."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from stockroom.contract.contract import Contract
from tests.contract.gates import oracle
from tests.contract.gates.facts import Fact, Recorder
from tests.contract.gates.oracle import contradictions

JSON, PROBLEM = {"content-type": "application/json"}, {"content-type": "application/problem+json"}
PERSONAL = {"cache-control": "private, no-cache"}
SCOPES = "items:read items:write stock:read stock:write"


def limit(amount: int) -> dict[str, str]:
    return {"ratelimit": '"default";r=5;t=60', "ratelimit-policy": f'"default";q={amount};w=60'}


def token(scope: str = SCOPES) -> dict[str, str]:
    payload = base64.urlsafe_b64encode(orjson.dumps({"sub": "ada", "scope": scope})).rstrip(b"=").decode()
    return {"authorization": f"Bearer e30.{payload}.c2lnbmF0dXJl"}


def refused(fact: Fact, slug: str, status: int, title: str, detail: str, **more: Any) -> Fact:
    """The same request, refused; `headers` are those that the refusal has besides."""
    headers = more.pop("headers", {k: v for k, v in fact.answer_headers.items() if k.startswith("ratelimit")})
    problem = {"type": f"/problems/{slug}", "title": title, "status": status, "detail": detail}
    body = orjson.dumps(problem | {"instance": fact.path} | more)
    return replace(fact, status=status, answer_headers=PROBLEM | headers, answer_body=body)


TIME = "2026-11-22T10:00:00.123Z"
LOCATION = {"code": "A-01", "name": "Aisle A", "description": None, "archived": False, "version": 1}
LOCATION |= {"created_at": TIME, "updated_at": TIME}
ETAG = {"etag": '"v1"'}
READ = Fact(
    method="GET",
    path="/locations/A-01",
    query="",
    headers=token(),
    body=b"",
    status=200,
    answer_headers=JSON | PERSONAL | limit(600) | ETAG,
    answer_body=orjson.dumps(LOCATION),
)
LISTED = replace(
    READ,
    path="/locations",
    answer_body=orjson.dumps(
        {
            "locations": [LOCATION],
            "total": 2,
            "total_is_exact": True,
            "page": 1,
            "per_page": 20,
            "next": "/locations?archived=false&sort=code&per_page=20&cursor=abc",
        }
    ),
)
KNOWN = replace(
    READ,
    headers=token() | {"if-none-match": '"v1"'},
    status=304,
    answer_headers=PERSONAL | limit(600) | ETAG,
    answer_body=b"",
)
ARCHIVED = replace(
    READ,
    method="DELETE",
    headers=token() | {"if-match": '"v1"'},
    status=204,
    answer_headers=limit(300),
    answer_body=b"",
)
ADDED = replace(
    READ,
    method="POST",
    path="/locations",
    headers=token() | JSON,
    body=b'{"code": "A-01", "name": "Aisle A"}',
    status=201,
    answer_headers=JSON | limit(300) | ETAG | {"location": "/locations/A-01"},
)
FIGURES = replace(
    READ,
    path="/summary",
    answer_headers=READ.answer_headers | {"cache-control": "private, max-age=60"},
    answer_body=orjson.dumps(
        dict.fromkeys(["items", "archived_items", "locations", "units", "low_stock", "movements_today"], 1)
        | {"as_of": TIME}
    ),
)
ANONYMOUS = refused(
    replace(READ, headers={}),
    "unauthenticated",
    401,
    "Who are you?",
    "This operation needs an access token.",
    headers={"www-authenticate": 'Bearer realm="stockroom"'},
)
UNENTITLED = refused(
    replace(READ, headers=token("items:read")),
    "insufficient-scope",
    403,
    "This needs another role",
    "This operation needs the scope stock:read.",
    headers=limit(600)
    | {"www-authenticate": 'Bearer realm="stockroom", error="insufficient_scope", scope="stock:read"'},
)
INVALID = refused(
    replace(LISTED, query="per_page=101"),
    "validation-failed",
    400,
    "The request is not valid",
    "One value is not what this operation takes.",
    errors=[{"detail": "value is greater than the maximum of 100", "parameter": "per_page"}],
)
FOREIGN_CURSOR = refused(
    replace(LISTED, query="cursor=abc"),
    "validation-failed",
    400,
    "The request is not valid",
    "The cursor was not made by this list in this order.",
    errors=[{"detail": "is not a cursor of this list and order", "parameter": "cursor"}],
)
UNCONDITIONAL = refused(
    replace(ARCHIVED, headers=token()),
    "precondition-required",
    428,
    "Say which state you mean to change",
    "Send the ETag.",
)
NO_METHOD = refused(
    replace(READ, method="PUT"),
    "method-not-allowed",
    405,
    "This cannot be done here",
    "Here are others.",
    headers={"allow": "DELETE, GET, HEAD, PATCH"},
)
NO_PATH = refused(
    replace(READ, path="/nowhere"), "not-found", 404, "There is no such thing", "No.", headers={}
)
HEAD = replace(READ, method="HEAD", answer_body=b"")
TRUE = {
    "read": READ,
    "listed": LISTED,
    "known": KNOWN,
    "archived": ARCHIVED,
    "added": ADDED,
    "figures": FIGURES,
    "anonymous": ANONYMOUS,
    "unentitled": UNENTITLED,
    "invalid": INVALID,
    "foreign cursor": FOREIGN_CURSOR,
    "unconditional": UNCONDITIONAL,
    "no method": NO_METHOD,
    "no path": NO_PATH,
    "head": HEAD,
    "revoked": refused(
        READ,
        "invalid-token",
        401,
        "The token is not valid",
        "It was revoked.",
        headers={"www-authenticate": "Bearer"},
    ),
    "one too many": refused(
        READ,
        "quota-exceeded",
        429,
        "Too many requests",
        "600 requests in 60 seconds are allowed here.",
        headers=limit(600) | {"retry-after": "1"},
    ),
}


@pytest.mark.parametrize("fact", TRUE.values(), ids=TRUE.keys())
def test_nothing_is_wrong_with_what_is_true(fact: Fact, contract: Contract) -> None:
    assert contradictions(contract, fact) == []


def answered(fact: Fact, **headers: str | None) -> Fact:
    """The same with other headers in the answer, and without those that are None."""
    changed = fact.answer_headers | {name.replace("_", "-"): text for name, text in headers.items()}
    return replace(fact, answer_headers={name: text for name, text in changed.items() if text is not None})


def told(fact: Fact, **members: object) -> Fact:
    return replace(fact, answer_body=orjson.dumps(orjson.loads(fact.answer_body) | members))


@pytest.mark.parametrize(
    ("fact", "word"),
    [
        pytest.param(replace(READ, status=202), "status 202 is not declared", id="another status"),
        pytest.param(told(READ, colour="red"), "colour", id="another member"),
        pytest.param(answered(READ, colour="red"), "the header colour is not declared", id="another header"),
        pytest.param(replace(READ, headers={}), "refused with unauthenticated", id="served without a token"),
        pytest.param(
            replace(READ, headers={"authorization": "Bearer e30.e30.e30"}),
            "refused with invalid-token",
            id="served with a token that claims nothing",
        ),
        pytest.param(
            replace(READ, headers=token("items:read")),
            "refused with insufficient-scope",
            id="served without the scope",
        ),
        pytest.param(
            told(UNENTITLED, detail="This operation needs the scope stock:write."),
            "This operation needs the scope stock:read.",
            id="another scope named",
        ),
        pytest.param(
            answered(UNENTITLED, www_authenticate="Bearer"), "WWW-Authenticate is", id="another challenge"
        ),
        pytest.param(
            replace(ANONYMOUS, headers=token(), answer_headers=ANONYMOUS.answer_headers | limit(600)),
            "let in, and was refused with unauthenticated",
            id="refused with a token",
        ),
        pytest.param(
            replace(UNENTITLED, headers=token()),
            "let in, and was refused with insufficient-scope",
            id="refused with the scope",
        ),
        pytest.param(
            replace(LISTED, query="per_page=101"),
            "refused with validation-failed",
            id="an invalid query served",
        ),
        pytest.param(
            replace(LISTED, query="colour=red"), "refused with validation-failed", id="an unknown name served"
        ),
        pytest.param(
            replace(ADDED, body=b'{"code": "A-01"}'),
            "refused with validation-failed",
            id="an invalid body served",
        ),
        pytest.param(
            replace(ADDED, headers=token() | {"content-type": "text/plain"}),
            "refused with unsupported-media-type",
            id="another media type served",
        ),
        pytest.param(
            replace(ADDED, body=b'"%s"' % (b"x" * 1_048_576)),
            "refused with content-too-large",
            id="too large a body served",
        ),
        pytest.param(
            replace(INVALID, query="per_page=100"),
            "let in, and was refused with validation-failed",
            id="a valid query refused",
        ),
        pytest.param(
            told(INVALID, errors=[{"detail": "is greater than the maximum of 99", "parameter": "per_page"}]),
            "maximum of 100",
            id="another bound told",
        ),
        pytest.param(replace(ARCHIVED, headers=token()), "If-Match is missing", id="done without If-Match"),
        pytest.param(
            replace(UNCONDITIONAL, headers=ARCHIVED.headers), "no If-Match is missing", id="428 with If-Match"
        ),
        pytest.param(
            refused(UNCONDITIONAL, "precondition-failed", 412, "It was changed since you read it", "."),
            "no if_match was asked for and sent",
            id="412 without If-Match",
        ),
        pytest.param(replace(KNOWN, headers=token()), "it is 200", id="304 without If-None-Match"),
        pytest.param(
            replace(KNOWN, headers=token() | {"if-none-match": '"v2"'}), "it is 200", id="304 for another"
        ),
        pytest.param(replace(READ, headers=KNOWN.headers), "it is 304", id="200 for what is known"),
        pytest.param(
            answered(READ, ratelimit_policy=limit(5)["ratelimit-policy"]), "q=600", id="another limit"
        ),
        pytest.param(answered(READ, ratelimit_policy=None), "RateLimit-Policy is missing", id="no limit"),
        pytest.param(
            replace(ANONYMOUS, answer_headers=ANONYMOUS.answer_headers | limit(600)),
            "RateLimit-Policy is",
            id="a limit of nobody",
        ),
        pytest.param(answered(READ, cache_control="max-age=60"), "max-age is 60", id="kept without x-cache"),
        pytest.param(answered(FIGURES, cache_control="max-age=61"), "max-age is 61", id="kept for longer"),
        pytest.param(answered(FIGURES, cache_control="no-cache"), "max-age is None", id="not kept"),
        pytest.param(told(LISTED, per_page=21), "per_page is 20", id="another default"),
        pytest.param(
            told(LISTED, next="/locations?sort=name"), "sort is 'code'", id="another default in next"
        ),
        pytest.param(told(NO_PATH, type="/problems/lost"), "not in the catalogue", id="a problem of no kind"),
        pytest.param(told(UNENTITLED, title="No"), "and not so in the catalogue", id="another title"),
        pytest.param(
            told(UNENTITLED, type="/problems/wrong-password"),
            "is not one of",
            id="another problem",
        ),
        pytest.param(answered(NO_METHOD, allow="GET"), "Allow is GET", id="another Allow"),
        pytest.param(replace(NO_METHOD, path="/nowhere"), "there is no such path", id="405 for no path"),
        pytest.param(
            replace(NO_PATH, path="/locations/A-01", method="PUT"), "no such method", id="404 for a path"
        ),
    ],
)
def test_what_cannot_have_happened_is_found(fact: Fact, word: str, contract: Contract) -> None:
    assert any(word in said for said in contradictions(contract, fact))


def test_nothing_is_said_of_a_fact_without_its_bodies(contract: Contract) -> None:
    assert contradictions(contract, replace(ADDED, body=b"", whole=False)) == []


@pytest.mark.parametrize(
    ("facts", "code"),
    [([READ], 0), ([READ, replace(READ, headers={})], 1), ([], 1)],
    ids=["true", "a lie", "none"],
)
def test_the_program_fails_for_a_contradiction_or_no_facts(
    facts: list[Fact], code: int, tmp_path: Path
) -> None:
    recorder = Recorder(tmp_path)
    for fact in facts:
        recorder.record(fact)
    assert oracle.main(tmp_path) == code
