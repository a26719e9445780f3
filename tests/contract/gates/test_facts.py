"""Facts are recorded as they were, once for each kind, and read back by other processes."""

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.contract.gates.facts import LONGEST_BODY, Fact, Recorder, read_facts

JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}
FACT = Fact("GET", "/items/AX-1", "", {}, b"", 200, JSON, b'{"sku": "AX-1", "tags": ["a"]}')


def problem(detail: str) -> Fact:
    body = {"type": "/problems/validation-failed", "errors": [{"pointer": "/lines/7/sku", "detail": detail}]}
    return replace(FACT, status=400, answer_headers=PROBLEM, answer_body=orjson.dumps(body))


def token(scope: str) -> dict[str, str]:
    payload = base64.urlsafe_b64encode(orjson.dumps({"scope": scope})).rstrip(b"=").decode()
    return {"authorization": f"Bearer e30.{payload}.signature"}


def test_what_is_recorded_is_read_back(tmp_path: Path) -> None:
    odd = replace(FACT, path="/items/ä", body=b"\xff\x00", query="q=%20", answer_body=b"a\nb\r")
    for fact in (FACT, odd):
        Recorder(tmp_path).record(fact)
    assert read_facts(tmp_path) == [FACT, odd]


@pytest.mark.parametrize(
    "same",
    [
        FACT,
        replace(FACT, path="/items/BX-2"),
        replace(FACT, answer_body=b'{"sku": "BX-2", "tags": ["b", "c"]}'),
    ],
)
def test_a_kind_is_written_once(tmp_path: Path, same: Fact) -> None:
    recorder = Recorder(tmp_path)
    recorder.record(FACT)
    recorder.record(same)
    assert read_facts(tmp_path) == [FACT]


@pytest.mark.parametrize(
    "other",
    [
        replace(FACT, method="HEAD"),
        replace(FACT, path="/items/AX-1/levels"),
        replace(FACT, query="q="),
        replace(FACT, headers={"if-none-match": "*"}),
        replace(FACT, headers=token("items:read")),
        replace(FACT, status=201),
        replace(FACT, answer_headers=JSON | {"etag": '"v1"'}),
        replace(FACT, answer_body=b'{"sku": "AX-1", "tags": [1]}'),
        replace(FACT, body=b"{", headers=JSON),
        problem("too long"),
    ],
)
def test_another_kind_is_written_too(tmp_path: Path, other: Fact) -> None:
    recorder = Recorder(tmp_path)
    recorder.record(FACT)
    recorder.record(other)
    assert read_facts(tmp_path) == [FACT, other]


def test_faults_and_scopes_tell_kinds_apart(tmp_path: Path) -> None:
    facts = [
        problem("too long"),
        problem("too short"),
        replace(FACT, headers=token("items:read")),
        replace(FACT, headers=token("items:write")),
    ]
    recorder = Recorder(tmp_path)
    for fact in facts:
        recorder.record(fact)
    assert read_facts(tmp_path) == facts


def test_a_long_body_is_left_out_and_its_absence_told(tmp_path: Path) -> None:
    Recorder(tmp_path).record(replace(FACT, body=b"x" * (LONGEST_BODY + 1)))
    assert read_facts(tmp_path) == [replace(FACT, body=b"", whole=False)]


def test_a_body_that_nests_deep_is_recorded(tmp_path: Path) -> None:
    deep = replace(FACT, headers=JSON, body=b"[" * 1000 + b"]" * 1000)
    Recorder(tmp_path).record(deep)
    assert read_facts(tmp_path) == [deep]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"kind": "receipt"}, {"kind": "issue"}, id="values of an enum"),
        pytest.param({"quantity": 1}, {"quantity": 1_000_000_000_000}, id="a minimum and a maximum"),
        pytest.param({"reference": "ab"}, {"reference": "a" * 100}, id="a length"),
        pytest.param({"lines": []}, {"lines": [1]}, id="a number of items"),
    ],
)
def test_what_is_answered_at_an_edge_is_a_kind_of_its_own(tmp_path: Path, one: Any, other: Any) -> None:
    recorder = Recorder(tmp_path)
    facts = [
        replace(refused, method="POST", path="/movements", headers=JSON, body=orjson.dumps(body))
        for refused in (FACT, problem("is odd"))
        for body in (one, other)
    ]
    for fact in facts:
        recorder.record(fact)
    assert read_facts(tmp_path) == facts
