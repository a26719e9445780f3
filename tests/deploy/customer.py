"""Somebody who uses a service that runs in a container."""

import json
from typing import Any

from tests.deploy.engine import Engine
from tests.processes import ROOT

NAME, PASSWORD = "keeper", "seven grey herons wade at dawn"
ITEMS = "sku,name\nA-1,Anchor\nB-1,Bolt\nC-1,Chain\n"
DONE = {"state": "succeeded", "items": 3}
"""What comes of the errand if all goes well."""


def create_admin(engine: Engine, name: str, *before: str, command: str = "stockroom") -> None:
    """Make an administrator in this container; `before` is the words before the command."""
    options = ["--username", NAME, "--email", f"{NAME}@example.com", "--password-stdin"]
    done = engine.inside(name, *before, command, "create-admin", *options, input=f"{PASSWORD}\n")
    assert f"{NAME} is an admin now." in done.stdout, done.stdout


def errand(engine: Engine, name: str, port: int = 8000, python: str = "python") -> Any:
    """What came of `tests/deploy/errand.py`, done in this container."""
    script = (ROOT / "tests" / "deploy" / "errand.py").read_text()
    url = f"http://127.0.0.1:{port}"
    done = engine.inside(name, python, "-c", script, url, NAME, input=f"{PASSWORD}\n{ITEMS}")
    assert done.returncode == 0, done.stdout + engine.run("logs", name).stdout
    return json.loads(done.stdout.splitlines()[-1])
