"""Mutants are made of each operator, tried by each gate, and fail the program when one survives."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from stockroom.contract.contract import Contract
from stockroom.contract.document import Pointer
from tests.contract.gates import mutants as program
from tests.contract.gates.facts import Fact, Recorder
from tests.contract.gates.mutants import mutations
from tests.contract.gates.mutants.mutations import OPERATORS, Mutant, mutants, sample
from tests.contract.gates.mutants.trees import ABSENT
from tests.contract.gates.mutants.trials import GATES, Court

LIVE = Fact(
    method="GET",
    path="/health/live",
    query="",
    headers={},
    body=b"",
    status=200,
    answer_headers={"content-type": "application/json", "cache-control": "no-store"},
    answer_body=b'{"status": "ok"}',
)
LIVENESS = ("components", "schemas", "Liveness")
Found = Iterator[tuple[Pointer, str, Any]]


@pytest.fixture
def raw(contract: Contract) -> dict[str, Any]:
    return contract.document.raw


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_an_operator_changes_the_contract_and_leaves_the_true_one_as_it_is(
    operator: Callable[..., Found], raw: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutations, "OPERATORS", (operator,))
    before, found = orjson.dumps(raw), mutants(raw, each=3)
    assert found
    for mutant in found:
        assert orjson.dumps(mutant.apply(raw)) != before, mutant.id
    assert orjson.dumps(raw) == before


def test_a_mutant_has_a_name_of_its_own(raw: dict[str, Any]) -> None:
    names = [mutant.id for mutant in mutants(raw)]
    assert len(set(names)) == len(names)


def test_mutants_are_spread_over_the_contract(raw: dict[str, Any]) -> None:
    every, some = ([m.id for m in mutants(raw, each) if m.operator == "drop-status"] for each in (None, 4))
    assert some == [every[len(every) * quarter // 4] for quarter in range(4)]


def test_a_sample_is_the_same_for_the_same_seed_and_of_all_operators(raw: dict[str, Any]) -> None:
    found = mutants(raw)
    first, again, other = (sample(found, len(OPERATORS), seed) for seed in (1, 1, 2))
    assert first == again != other
    assert len({mutant.operator for mutant in first}) == len(OPERATORS)


@pytest.mark.parametrize(
    ("gate", "pointer", "value"),
    [
        ("start", ("paths", "/me", "get", "responses", "401"), ABSENT),
        ("lint", (*LIVENESS, "additionalProperties"), True),
        ("examples", (*LIVENESS, "properties", "status", "enum"), ["well"]),
        ("facts", (*LIVENESS, "properties", "status", "enum"), ["well"]),
        (
            "reachability",
            ("paths", "/health/live", "get", "responses", "503"),
            {"$ref": "#/components/responses/NotReady"},
        ),
        ("compatibility", (*LIVENESS, "properties", "status", "type"), "integer"),
    ],
)
def test_a_gate_sees_what_is_its_business(
    gate: str, pointer: Pointer, value: object, contract: Contract, tmp_path: Path
) -> None:
    court = Court(contract, [LIVE], tmp_path)
    assert gate in court.evidence(Mutant("made-up", pointer, "changed", value))


def test_every_gate_is_shown_to_see_something() -> None:
    [mark] = test_a_gate_sees_what_is_its_business.pytestmark
    assert {gate for gate, _, _ in mark.args[1]} == {"start", *GATES}


def test_what_is_as_true_as_before_is_seen_by_no_gate(contract: Contract, tmp_path: Path) -> None:
    harmless = Mutant("made-up", ("info", "description"), "reworded", "Another description of it all.")
    assert Court(contract, [LIVE], tmp_path).evidence(harmless) == {}


def test_a_fact_that_the_contract_itself_is_at_odds_with_is_no_evidence(
    contract: Contract, tmp_path: Path
) -> None:
    lie = Fact(**{**vars(LIVE), "answer_body": b'{"status": "gone"}'})
    change = Mutant(
        "made-up", (*LIVENESS, "description"), "reworded", "Whether it is alive, as it says itself."
    )
    assert Court(contract, [lie], tmp_path).evidence(change) == {}


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The folder of a run whose only mutant is one that no gate sees."""

    def reword(raw: Mapping[str, Any]) -> Found:
        yield ("info", "description"), "reworded", "Another description of it all."

    monkeypatch.setattr(mutations, "OPERATORS", (reword,))
    Recorder(tmp_path / "facts").record(LIVE)
    return str(tmp_path / "facts")


def test_a_survivor_is_told_and_fails_the_program(planted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main([planted]) == 1
    told = capsys.readouterr().out
    assert "survives: reword /info/description: reworded" in told


def test_a_survivor_with_a_reason_does_not(
    planted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "SURVIVORS", {"reword /info/*": "words promise nothing here"})
    assert program.main([planted]) == 0
    assert "survives:" not in capsys.readouterr().out


def test_without_facts_nothing_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main([str(tmp_path)])
    assert "there are no facts" in capsys.readouterr().err
