"""An operation takes the four steps of ARCHITECTURE.md and nothing else: two of them are added to a copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
STEPS = Path(__file__).with_name("four_steps")
# Whatever asks something of each operation, but for the tests that run for minutes.
ASKED = [
    "tests/contract/gates",
    "tests/contract/test_compiled_once.py",
    "tests/fuzz/test_corpus.py",
    "tests/http",
]
SOME = "(four_steps or builds or corpus or many) and not postgresql"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the project that has two operations more."""
    tree = tmp_path / "tree"
    left_out = shutil.ignore_patterns(".*", "__pycache__", "bench", "dist", "var", Path(__file__).name)
    shutil.copytree(ROOT, tree, ignore=left_out)
    contract = tree / "openapi" / "openapi.yaml"
    insert(contract, "\n  /levels:\n", (STEPS / "paths.yaml").read_text())
    shutil.copy(STEPS / "handlers.py", tree / "handlers" / "four_steps.py")
    shutil.copy(STEPS / "actions.py", tree / "stockroom" / "stock" / "four_steps.py")
    shutil.copy(STEPS / "http.py", tree / "tests" / "http" / "test_four_steps.py")
    insert(
        tree / "tests/contract/gates/world.py",
        '    "handlers.counts.record"',
        '    "handlers.four_steps.find": STOCK,\n',
    )
    return tree


def insert(file: Path, before: str, text: str) -> None:
    start, place, end = file.read_text().partition(before)
    assert place
    file.write_text(f"{start}{text}{place}{end}")


def test_an_operation_takes_four_steps_and_nothing_else(tree: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "STOCKROOM_TEST_RECORD"}
    for program in (["tests.contract.gates.lint"], ["pytest", "-q", "-n0", "-k", SOME, *ASKED]):
        ran = subprocess.run(
            [sys.executable, "-m", *program],
            cwd=tree,
            env=kept | {"PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr
