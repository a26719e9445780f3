"""What asks a service whether it is well."""

import subprocess
import sys
from collections.abc import Callable

from tests.processes import PATIENCE, ROOT, Service, _free_port


def asked(url: str) -> int:
    command = [sys.executable, "-m", "stockroom.process.health", url]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=PATIENCE).returncode


def test_a_service_that_is_well_is_0(start_service: Callable[..., Service]) -> None:
    service = start_service()
    assert asked(f"{service.url}/health/live") == 0
    assert asked(f"{service.url}/health/ready") == 0
    # Anything but 200 is not well.
    assert asked(f"{service.url}/me") == 1


def test_nobody_there_is_1() -> None:
    assert asked(f"http://127.0.0.1:{_free_port()}/health/live") == 1


def test_to_ask_costs_little() -> None:
    """It is started every few seconds for as long as a container runs."""
    code = "import sys, stockroom.process.health; sys.exit('pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=PATIENCE)
