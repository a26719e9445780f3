"""The gate of reachability on a small contract: what was never seen is told, what was undeclared too."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from stockroom.contract.contract import Contract, load_contract
from tests.contract.gates.facts import Fact, Recorder
from tests.contract.gates.reachability import Promise, main, undeclared, unseen

SMALL = """
openapi: 3.0.4
info: {title: Small, version: '1'}
paths:
  /things:
    get:
      operationId: things
      security: []
      responses:
        '200':
          description: All of them.
          headers: {ETag: {schema: {type: string}}}
          content: {application/json: {schema: {type: array, items: {type: integer}}}}
        '400':
          description: Refused.
          content:
            application/problem+json:
              schema:
                allOf:
                  - {$ref: '#/components/schemas/Problem'}
                  - properties: {type: {enum: [/problems/malformed-request, /problems/validation-failed]}}
components:
  schemas:
    Problem: {type: object, required: [type], properties: {type: {type: string}}}
x-problems:
  malformed-request: {status: 400, title: Malformed, description: It cannot be read.}
  validation-failed: {status: 400, title: Not valid, description: It is not what is taken.}
"""


def answered(status: int, body: object, **headers: str) -> Fact:
    media = {"content-type": "application/json" if status < 400 else "application/problem+json"}
    return Fact("GET", "/things", "", {}, b"", status, media | headers, orjson.dumps(body))


def refused(status: int, kind: str) -> Fact:
    return answered(status, {"type": f"/problems/{kind}"})


SEEN = answered(200, [1], etag='"a"')
HEAD = replace(SEEN, method="HEAD", answer_body=b"")
MALFORMED, INVALID = refused(400, "malformed-request"), refused(400, "validation-failed")
ELSEWHERE = [
    replace(MALFORMED, path="//"),
    replace(refused(404, "not-found"), path="/nothing"),
    replace(refused(405, "method-not-allowed"), method="PUT"),
    refused(501, "unknown-transfer-coding"),
    replace(refused(501, "unknown-method"), method="BREW"),
]
ALL = [SEEN, HEAD, MALFORMED, INVALID, *ELSEWHERE]


@pytest.fixture
def small(tmp_path: Path) -> Contract:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return load_contract(tmp_path, path)


def test_a_contract_whose_every_promise_was_kept_passes(small: Contract) -> None:
    assert unseen(small, ALL) == []
    assert undeclared(small, ALL) == []


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        pytest.param(
            [SEEN, HEAD, *ELSEWHERE],
            [
                "400",
                "400 with /problems/malformed-request",
                "400 with /problems/validation-failed",
                "400 with application/problem+json",
            ],
            id="a status",
        ),
        pytest.param(
            [HEAD, MALFORMED, INVALID, *ELSEWHERE],
            ["200", "200 with application/json", "200 with etag"],
            id="what HEAD does not show",
        ),
        pytest.param(
            [answered(200, []), HEAD, MALFORMED, INVALID, *ELSEWHERE], ["200 with etag"], id="a header"
        ),
        pytest.param(
            [SEEN, HEAD, MALFORMED, *ELSEWHERE],
            ["400 with /problems/validation-failed"],
            id="a type of problem",
        ),
    ],
)
def test_what_is_declared_and_was_never_seen_is_told(
    facts: list[Fact], missing: list[str], small: Contract
) -> None:
    assert unseen(small, facts) == [f"GET /things: {promise} was never seen" for promise in missing]


def test_head_must_be_seen_with_its_headers(small: Contract) -> None:
    others = [fact for fact in ALL if fact is not HEAD]
    assert unseen(small, others) == [
        f"HEAD /things: {promise} was never seen" for promise in ("200", "200 with etag")
    ]
    bare = replace(HEAD, answer_headers={"content-type": "application/json"})
    assert unseen(small, [*others, bare]) == ["HEAD /things: 200 with etag was never seen"]


def test_answers_to_what_is_no_operation_must_be_seen_too(small: Contract) -> None:
    told = unseen(small, [fact for fact in ALL if fact.status != 405])
    assert told[0] == "anything else: 405 was never seen"
    assert len(told) == 3


def test_an_exemption_exempts_what_it_names_while_that_is_unseen(small: Contract) -> None:
    promise = Promise("GET /things", 400, "/problems/validation-failed")
    assert unseen(small, [SEEN, HEAD, MALFORMED, *ELSEWHERE], {promise: "a reason"}) == []
    assert unseen(small, ALL, {promise: "a reason"}) == [f"{promise} needs no exemption"]
    unknown = Promise("GET /nothing", 200)
    assert unseen(small, ALL, {unknown: "a reason"}) == ["GET /nothing: 200 needs no exemption"]


@pytest.mark.parametrize(
    ("fact", "fault"),
    [
        pytest.param(answered(202, [1]), "status 202 is not declared", id="a status"),
        pytest.param(answered(200, [1], link="x"), "the header link is not declared", id="a header"),
        pytest.param(
            replace(SEEN, answer_headers={"content-type": "text/csv"}),
            "the media type 'text/csv' is not declared",
            id="a media type",
        ),
        pytest.param(answered(200, ["x"]), 'body /0: value is not of type "integer"', id="a body"),
        pytest.param(refused(400, "weak-password"), "body /type: value is not one of", id="a problem"),
        pytest.param(
            replace(refused(404, "sku-taken"), path="/nothing"),
            "body /type: value is not one of",
            id="a problem of what is no operation",
        ),
    ],
)
def test_what_was_seen_and_is_not_declared_is_told(fact: Fact, fault: str, small: Contract) -> None:
    [told] = undeclared(small, [*ALL, fact])
    assert told.startswith(f"GET {fact.path} answered {fact.status}: {fault}")


def test_the_program_fails_on_a_suite_that_saw_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Recorder(tmp_path).record(replace(SEEN, path="/items", status=299))
    assert main(tmp_path) == 1
    told = capsys.readouterr().out
    assert "POST /items: 409 with /problems/sku-taken was never seen\n" in told
    assert "GET /items answered 299: status 299 is not declared\n" in told
