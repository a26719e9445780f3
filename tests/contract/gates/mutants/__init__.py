"""Mutation testing of the contract: hundreds of small lies are told in it, and the gates have to see them.

`python -m tests.contract.gates.mutants FOLDER [--sample N --seed S]`, with the FOLDER in which the tests have
recorded facts. It fails when a mutant survives that is not listed, with a reason, in `survivors.py`.
"""

import argparse
import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from stockroom.contract.contract import Contract, load_contract
from tests.contract.gates.facts import Fact, read_facts
from tests.contract.gates.mutants.mutations import Mutant, mutants, sample
from tests.contract.gates.mutants.survivors import SURVIVORS
from tests.contract.gates.mutants.trials import GATES, Court

COLUMNS = ("start", *GATES)
# So many mutants go to a process at once.
CHUNK = 8


@dataclass(frozen=True)
class Verdict:
    """What the gates say of one mutant, by their names; a survivor has no evidence against it."""

    mutant: Mutant
    evidence: Mapping[str, str]


def judge(contract: Contract, chosen: list[Mutant], facts: list[Fact]) -> list[Verdict]:
    """Hold each mutant against all gates, on all processors."""
    with tempfile.TemporaryDirectory() as uploads:
        court = Court(contract, facts, Path(uploads))
        if len(chosen) <= CHUNK:
            return [Verdict(mutant, court.evidence(mutant)) for mutant in chosen]
        # Forks, so that contract and facts need not be made again.
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(mp_context=context, initializer=_sit, initargs=(court, chosen)) as pool:
            found = pool.map(_try, range(len(chosen)), chunksize=CHUNK)
            return [Verdict(mutant, evidence) for mutant, evidence in zip(chosen, found, strict=True)]


_sitting: list[tuple[Court, list[Mutant]]] = []


def _sit(court: Court, chosen: list[Mutant]) -> None:
    _sitting[:] = [(court, chosen)]


def _try(number: int) -> dict[str, str]:
    court, chosen = _sitting[0]
    return court.evidence(chosen[number])


def unexplained(verdicts: Iterable[Verdict], reasons: Mapping[str, str]) -> list[Verdict]:
    """The survivors that no pattern in `reasons` matches."""
    return [
        verdict
        for verdict in verdicts
        if not verdict.evidence and not any(fnmatchcase(verdict.mutant.id, pattern) for pattern in reasons)
    ]


def table(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """A line for each operator: its mutants, those that each gate sees, that it alone sees, and survivors."""
    heads = ("mutants", *COLUMNS, *(f"only {name}" for name in COLUMNS), "survivors")
    rows: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        for row in (verdict.mutant.operator, "all"):
            rows.setdefault(row, Counter()).update(_counted(verdict.evidence))
    width = max(map(len, rows), default=0)
    yield " ".join(["operator".ljust(width), *heads])
    for name, counts in sorted(rows.items(), key=lambda item: item[0] == "all"):
        yield " ".join([name.ljust(width), *(str(counts[head] or "·").rjust(len(head)) for head in heads)])


def _counted(evidence: Mapping[str, str]) -> Iterator[str]:
    yield "mutants"
    yield from evidence
    if not evidence:
        yield "survivors"
    if len(evidence) == 1:
        yield f"only {next(iter(evidence))}"


def main(arguments: list[str] | None = None) -> int:
    """Print what became of the mutants; the exit code is 1 when one survives without a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=24, help="places for each operator at most; 0 is all")
    parser.add_argument("--sample", type=int, help="so many mutants instead of all these")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--show", help="tell what the gates say of the mutants whose ids hold this text")
    options = parser.parse_args(arguments)
    facts = read_facts(options.folder)
    if not facts:
        parser.error(f"there are no facts in {options.folder}: the suite records them while it runs")
    with tempfile.TemporaryDirectory() as uploads:
        contract = load_contract(Path(uploads))
        chosen = mutants(contract.document.raw, options.each or None)
        if options.sample:
            chosen = sample(chosen, options.sample, options.seed)
        verdicts = judge(contract, chosen, facts)
    print(*table(verdicts), sep="\n")  # noqa: T201 - a program speaks here
    for verdict in verdicts:
        if options.show and options.show in verdict.mutant.id:
            print(verdict.mutant.id, verdict.evidence or "survives")  # noqa: T201 - a program speaks here
    surviving = unexplained(verdicts, SURVIVORS)
    print(*(f"survives: {verdict.mutant.id}" for verdict in surviving), sep="\n")  # noqa: T201 - a program speaks here
    return 1 if surviving else 0
