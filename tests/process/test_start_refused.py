"""What people see of a contract or a folder that cannot be used: what is at fault, and no service."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import CELERY, GUNICORN, PATIENCE, _free_port

ROOT = Path(__file__).resolve().parents[2]


def test_the_line_at_fault_is_told_and_nothing_is_served(bare_environment: Path) -> None:
    for name in ("handlers", "openapi", "stockroom", "tasks", "wiring"):
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


@pytest.mark.parametrize(
    ("module", "status"),
    [
        (("stockroom", "check"), 1),
        (("stockroom", "migrate"), 1),
        (("stockroom", "run"), 1),
        (GUNICORN, 4),
        (CELERY, 4),
    ],
    ids=["check", "migrate", "run", "API", "worker"],
)
def test_a_data_folder_that_cannot_be_written_is_named_by_its_setting(
    module: tuple[str, ...], status: int, bare_environment: Path
) -> None:
    (bare_environment / "file").touch()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "STOCKROOM_DATA_DIR": str(bare_environment / "file" / "below"),
        "STOCKROOM_PORT": str(_free_port()),
    }
    run = ("-c", "from stockroom.cli import main; main()") if module[0] == "stockroom" else ("-m", module[0])
    done = subprocess.run(
        [sys.executable, *run, *module[1:]],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert f"STOCKROOM_DATA_DIR: cannot write to {bare_environment}/file/below" in done.stdout
    assert "Traceback" not in done.stdout
    assert done.returncode == status
