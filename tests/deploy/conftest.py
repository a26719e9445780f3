"""What tests of the deployment share."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.engine import Engine, open_engine
from tests.deploy.tools import IMAGE
from tests.processes import ROOT


@pytest.fixture(scope="session")
def graceful_seconds(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How long gunicorn gives requests under way, as it says itself."""
    folder = tmp_path_factory.mktemp("configuration")
    done = subprocess.run(
        # It loads the application, too, which only our worker may serve: another one stands in for it.
        [sys.executable, "-m", "gunicorn", "--print-config", "wsgiref.simple_server:demo_app"],
        cwd=ROOT,
        env=os.environ | {"STOCKROOM_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"^graceful_timeout\s*= (\d+)$", done.stdout, re.MULTILINE)
    assert found, done.stdout
    return int(found[1])


@pytest.fixture
def fresh_settings(bare_environment: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set variables with it; there are no others."""
    return monkeypatch


@pytest.fixture(scope="session")
def engine() -> Engine:
    return open_engine()


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The image, made as the Dockerfile says."""
    return engine.build(IMAGE, ROOT)
