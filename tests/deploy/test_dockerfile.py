"""The Dockerfile is well formed. What it makes is shown by `make deploy-test`."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.tools import PROJECT
from tests.processes import ROOT

HADOLINT = Path(sys.executable).with_name("hadolint")
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def faults(dockerfile: str) -> set[str]:
    """The rules of the linter that are broken."""
    done = subprocess.run(
        [HADOLINT, "--no-fail", "--format", "json", "-"],
        input=dockerfile,
        capture_output=True,
        text=True,
        check=True,
    )
    return {fault["code"] for fault in json.loads(done.stdout)}


def test_the_linter_has_nothing_to_say() -> None:
    assert faults(DOCKERFILE) == set()


@pytest.mark.parametrize(
    ("good", "bad", "rule"),
    [
        ("debian:12.15-slim", "debian", "DL3006"),  # no version
        ("debian:12.15-slim", "debian:latest", "DL3007"),
        ("USER 10001:10001", "USER root", "DL3002"),
        ('CMD ["gunicorn", "app:app"]', "CMD gunicorn app:app", "DL3025"),  # a shell gets the signals
        ("--no-cache-dir", "", "DL3042"),
        ("&& rm -rf /var/lib/apt/lists/*", "", "DL3009"),
        ("# hadolint ignore=DL3008", "", "DL3008"),
        ("--from=build", "--from=built", "DL3022"),
    ],
)
def test_the_linter_sees_faults(good: str, bad: str, rule: str) -> None:
    assert good in DOCKERFILE
    assert rule in faults(DOCKERFILE.replace(good, bad))


def test_all_stages_begin_with_the_same_image() -> None:
    images = {line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("FROM ")}
    assert len(images) == 1


def test_the_image_is_made_of_all_there_is_to_the_service_and_of_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    taken = {line.removeprefix("!").partition("/")[0] for line in lines if line.startswith("!")}
    described = {"LICENSE", "README.md", "pyproject.toml", "requirements-extras.lock", "requirements.lock"}
    assert taken == described | set(PROJECT["tool"]["hatch"]["build"]["only-include"])


def test_extras_are_on_top_of_the_very_same_pins() -> None:
    plain, extended = (
        set(re.findall(r"^\S+==.+?(?= \\$)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.lock", "requirements-extras.lock")
    )
    assert plain < extended
