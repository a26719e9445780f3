"""The application is served by our gunicorn worker, whose answers are proved; it refuses to start on others.

They read requests and believe headers each in a way of its own: uvicorn takes the address of a caller from
X-Forwarded-For, granian answers 500 where a body breaks off.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.processes import _free_port

ROOT = Path(__file__).resolve().parents[2]
CONFIGURED = ("gunicorn", "--config", str(ROOT / "gunicorn.conf.py"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(("uvicorn", "app:app"), id="uvicorn"),
        pytest.param(("uvicorn", "app:app", "--lifespan", "off", "--no-proxy-headers"), id="uvicorn, tuned"),
        pytest.param(("gunicorn", "app:app"), id="gunicorn without our configuration"),
        pytest.param((*CONFIGURED, "--worker-class", "asgi", "app:app"), id="gunicorn's own ASGI worker"),
        pytest.param(
            (*CONFIGURED, "--worker-class", "uvicorn_worker.UvicornWorker", "app:app"),
            id="gunicorn with uvicorn as it comes",
        ),
        # What is made before the processes part would be shared by them.
        pytest.param((*CONFIGURED, "--preload", "app:app"), id="gunicorn that loads before it forks"),
    ],
)
def test_another_server_is_refused_at_start(command: tuple[str, ...], bare_environment: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=bare_environment,
        env={**os.environ, "PYTHONPATH": str(ROOT), "STOCKROOM_PORT": str(_free_port())},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    reasons = [line["reason"] for line in told if line["event"] == "start.refused"]
    assert len(reasons) == 1, done
    assert "gunicorn app:app" in reasons[0]
    assert done.returncode != 0
    assert not (bare_environment / "var").exists()


FORWARDED = {
    "X-Forwarded-For": "198.51.100.{}",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "Forwarded": "for=198.51.100.{};host=evil.example;proto=https",
}


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gunicorn and uvicorn are told to believe everybody."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize(("proxies", "refused"), [(0, True), (1, False)])
def test_an_address_is_believed_as_far_as_there_are_trusted_proxies(
    proxies: int, refused: bool, start_service: Callable[..., Any]
) -> None:
    with httpx.Client(base_url=start_service(trusted_proxies=proxies).url) as client:
        found = [
            client.post("/login", json={}, headers={k: v.format(turn) for k, v in FORWARDED.items()})
            for turn in range(6)
        ]
    assert [answer.status_code for answer in found] == [400] * 5 + [429 if refused else 400]


@pytest.mark.usefixtures("careless")
def test_what_a_proxy_says_of_host_and_scheme_changes_no_answer(start_service: Callable[..., Any]) -> None:
    with httpx.Client(base_url=start_service(trusted_proxies=1).url) as client:
        for path in ("/", "/docs", "/openapi.json", "/problems", "/nothing/", "/me"):
            plain, forwarded = client.get(path), client.get(path, headers=FORWARDED)
            assert (forwarded.status_code, forwarded.content) == (plain.status_code, plain.content)
            assert "evil" not in str(forwarded.headers)
