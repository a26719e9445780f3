"""Programs that check what is deployed, and what the checks of several files share."""

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from stockroom.process import report
from stockroom.settings import PREFIX, Settings, load
from tests.processes import ROOT
from tests.requiring import missing

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMAGE = f"stockroom:{PROJECT['project']['version']}"

API = ["gunicorn", "app:app"]
WORKER = ["celery", "--quiet", "--app", "tasks", "worker", "--loglevel", "WARNING", "--concurrency", "2"]
MIGRATE = ["stockroom", "migrate"]
"""The commands that are run in every kind of deployment; `make deploy-test` runs them."""


def program(name: str) -> str:
    """Path of a program. Without it the test is skipped, or fails where services are required."""
    path = shutil.which(name)
    if path is None:
        missing(f"{name} is not installed")
    return path


def documents(*paths: Path) -> list[dict[str, Any]]:
    return [document for path in paths for document in yaml.safe_load_all(path.read_text())]


def settings_of(environment: dict[str, str], patch: pytest.MonkeyPatch) -> Settings:
    """What the service makes of these variables; AssertionError if one of them is no setting."""
    for name, value in environment.items():
        patch.setenv(name, value)
    assert all(isinstance(value, str) for value in environment.values())
    assert report.unknown_variables() == []
    assert all(name.startswith(PREFIX) for name in environment)
    return load()
