"""What people see of a contract that cannot be run: the line at fault, once, and no service."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.processes import _free_port

ROOT = Path(__file__).resolve().parents[2]


def test_the_line_at_fault_is_told_and_nothing_is_served(bare_environment: Path) -> None:
    for name in ("handlers", "openapi", "stockroom", "tasks"):
        shutil.copytree(ROOT / name, bare_environment / name)
    for name in ("app.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, bare_environment)
    contract = bare_environment / "openapi" / "openapi.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("operationId: handlers.me.read\n", "operationId: handlers.me.reed\n"))
    line = text[: text.index("operationId: handlers.me.read\n")].count("\n") + 1
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "app:app"],
        cwd=bare_environment,
        env={**os.environ, "PYTHONPATH": str(bare_environment), "STOCKROOM_PORT": str(_free_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    reasons = [line["reason"] for line in told if line["event"] == "start.refused"]
    assert f"openapi/openapi.yaml:{line}: there is no handler handlers.me.reed" in reasons
    # gunicorn took it as "cannot be loaded" and did not try again.
    assert done.returncode == 4
