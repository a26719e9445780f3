"""Schemathesis against the running service: all its checks, in all its phases, always the same requests.

`make fuzz` makes a longer run of it, with other requests each time.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

USER, PASSWORD = "keeper", "ten thousand grains of rice"
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
ROOT = CONFIGURATION.parents[2]
CONTRACT = ROOT / "openapi" / "openapi.yaml"
# What `make fuzz` asks for, such as `--max-examples 500`.
OPTIONS = shlex.split(os.environ.get("STOCKROOM_TEST_FUZZ", "--seed 1"))


def test_every_answer_to_every_request_is_one_of_the_contract(start_service: Callable[..., Any]) -> None:
    # Limits are counted, told and not enforced: there is one caller, and it is in a hurry.
    service = start_service(rate_limits="report", log_level="error", **_elsewhere())
    service.create_admin(USER, PASSWORD)
    run = subprocess.run(
        # From the file: asked of the service, the contract's own address would be left out.
        [*_schemathesis(), "run", str(CONTRACT), "--url", service.url, *OPTIONS],
        cwd=service.folder,
        env={**os.environ, "FUZZ_USER": USER, "FUZZ_PASSWORD": PASSWORD, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    print(run.stdout)  # noqa: T201 - pytest shows it where the test fails, and `make fuzz` always
    assert run.returncode == 0, run.stderr
    assert service.log() == ""  # Above all no stack traces.


def _schemathesis() -> list[str]:
    return [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION)]


def _elsewhere() -> dict[str, str]:
    url = os.environ.get("STOCKROOM_TEST_FUZZ_DATABASE_URL")
    return {"database_url": url} if url else {}
