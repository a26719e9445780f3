"""Schemathesis against the running service: all its checks, in all its phases, as each role.

`make fuzz` makes a longer run of it, with other requests each time.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockroom.accounts.model import ROLE_SCOPES, Role
from stockroom.contract.contract import Contract
from stockroom.contract.operations import Operation
from tests.fuzz.stock import CONFIGURATION, PASSWORD

ROOT = CONFIGURATION.parents[2]
CONTRACT = ROOT / "openapi" / "openapi.yaml"
# What `make fuzz` asks for, such as `--max-examples 500`.
OPTIONS = shlex.split(os.environ.get("STOCKROOM_TEST_FUZZ", "--seed 1"))
# Of each database, so that it is 10,000 and more over both.
LEAST_REQUESTS = 5_000
ROLES = list(ROLE_SCOPES)
# What a thing says of itself that a DELETE archives, releases or cancels.
FATES = {"archived", "state"}


@dataclass(frozen=True)
class Run:
    """What a run of Schemathesis said, and its report."""

    code: int
    output: str
    report: dict[str, Any]

    @property
    def links(self) -> tuple[int, int]:
        """Links of the contract that were followed, and how many it has."""
        followed, declared = re.search(r"API Links: +(\d+) covered / (\d+) selected", self.output).groups()
        return int(followed), int(declared)


def test_every_answer_to_every_role_is_one_of_the_contract(stocked: Any, contract: Contract) -> None:
    # Those who may do more come first: the others find what they have made.
    runs = [run_as(stocked, contract, role) for role in reversed(ROLES)]
    for run in runs:
        print(run.output)  # noqa: T201 - pytest shows it where the test fails, and `make fuzz` always
    assert [run.code for run in runs] == [0] * len(ROLES)
    assert stocked.log() == ""  # Above all no stack traces.
    assert {phase["status"] for run in runs for phase in run.report["phases"].values()} == {"success"}
    assert sum(run.report["test_cases"]["generated"] for run in runs) >= LEAST_REQUESTS
    # Links are drawn by lot, so none of the runs meets all of them.
    followed, declared = max(run.links for run in runs)
    assert followed >= declared / 3


def run_as(service: Any, contract: Contract, role: Role) -> Run:
    configuration, report = (service.folder / f"{role}{suffix}" for suffix in (".toml", ".json"))
    configuration.write_text(CONFIGURATION.read_text() + _for(role, contract))
    arguments = ["--url", service.url, "--report-json-path", str(report), *OPTIONS]
    ran = subprocess.run(
        # From the file: asked of the service, the contract's own address would be left out.
        [*_schemathesis(configuration), "run", str(CONTRACT), *arguments],
        cwd=service.folder,
        env=_environment(role),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Run(ran.returncode, ran.stdout, json.loads(report.read_text()) if report.exists() else {})


def _schemathesis(configuration: Path) -> list[str]:
    return [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(configuration)]


def _for(role: Role, contract: Contract) -> str:
    """What differs from role to role.

    Every value that the schemas set apart (the phase "coverage") is tried by the least role that may. What a
    role may not do is tried with examples and links alone: its scope is looked at, and nothing else.
    """
    least = {name: ROLES.index(_least_role(o)) for name, o in contract.operations.items()}
    this = ROLES.index(role)
    left_to_others = [name for name, other in least.items() if other != this]
    barred = [name for name, other in least.items() if other > this]
    return f"""
[[operations]]
include-operation-id = {json.dumps(left_to_others)}
phases.coverage.enabled = false

[[operations]]
include-operation-id = {json.dumps(barred or ["none"])}
phases.fuzzing.enabled = false

[[operations]]
include-operation-id = {json.dumps(_lasting(contract) or ["none"])}
checks.use_after_free.enabled = false
"""


def _lasting(contract: Contract) -> list[str]:
    """What is at and below the paths of things that can be read after a DELETE.

    They have a member that says what became of them.
    """
    operations = contract.operations.values()
    paths = [o.path for o in operations if o.method == "GET" and not FATES.isdisjoint(_members(contract, o))]
    return [o.id for o in operations if any(f"{o.path}/".startswith(f"{path}/") for path in paths)]


def _members(contract: Contract, operation: Operation) -> Iterable[str]:
    content = operation.responses[operation.success].get("content", {}).get("application/json", {})
    members: dict[str, Any] = contract.document.resolve(content.get("schema", {})).get("properties", {})
    return members


def _least_role(operation: Operation) -> Role:
    needed = operation.scopes or frozenset()
    return next(role for role in ROLES if needed <= ROLE_SCOPES[role])


def _environment(role: Role) -> dict[str, str]:
    # Little else: for each request, the whole environment is searched for proxies.
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "STOCKROOM_TEST_RECORD")}
    return {**kept, "FUZZ_ROLE": role, "FUZZ_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)}
