"""The service as its users run it: gunicorn and Celery in processes, with settings and a folder of their own.

`tests/conftest.py` makes its fixtures known to all tests.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from stockroom.db import migrate
from stockroom.process import supervisor
from stockroom.settings import PREFIX

ROOT = Path(__file__).resolve().parent.parent
# Seconds; far more than a start takes, also on a machine that does something else.
PATIENCE = 60.0
GUNICORN = ("gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "app:app")
CELERY = ("celery", "--quiet", "--app", "tasks", "worker", "--pool", "solo", "--loglevel", "WARNING")

# Below the ports that the system hands out by itself, and other ones for each process that runs tests, those
# of other checkouts among them.
_PORTS = iter(range(20_000 + 37 * os.getpid() % 11_000, 32_500))


@dataclass(frozen=True)
class Service:
    """A service that runs: where it answers, its environment, and the folder with its data and logs."""

    url: str
    environment: dict[str, str]
    folder: Path

    @property
    def database_url(self) -> str:
        embedded = Path(self.environment[f"{PREFIX}DATA_DIR"]) / "stockroom.db"
        return self.environment.get(f"{PREFIX}DATABASE_URL", f"sqlite:///{embedded}")

    def log(self) -> str:
        """What its processes have said so far."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    def create_admin(self, username: str, password: str) -> None:
        """Make an administrator as an operator does."""
        command = [sys.executable, "-c", "import stockroom.cli; stockroom.cli.main()", "create-admin"]
        options = ["--username", username, "--email", f"{username}@example.com", "--password-stdin"]
        subprocess.run(
            [*command, *options],
            cwd=self.folder,
            env=self.environment,
            input=password.encode(),
            check=True,
            capture_output=True,
        )


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start the API, with `worker=True` a worker too, with settings by their names, until the test ends."""
    with ExitStack() as stack:

        def start(*, worker: bool = False, **settings: Any) -> Service:
            folder = tmp_path / f"service-{len(list(tmp_path.glob('service-*')))}"
            return stack.enter_context(_service(folder, settings, worker=worker))

        yield start


@contextmanager
def _service(folder: Path, settings: dict[str, Any], *, worker: bool) -> Iterator[Service]:
    service = new_service(folder, settings)
    with ExitStack() as stack:
        api = stack.enter_context(process("api", GUNICORN, service))
        if worker:
            stack.enter_context(process("worker", CELERY, service))
        await_answer(service, api)
        yield service
    # All that was asked of it, by whatever client, was answered as the contract says.
    log = service.log()
    assert "contract.drift" not in log, log
    assert "contract.unchecked" not in log, log


def new_service(folder: Path, settings: dict[str, Any]) -> Service:
    """What a service needs before it is started, its database migrated."""
    folder.mkdir()
    port = _free_port()
    known = {"data_dir": folder / "var", "port": port, "log_level": "warning", "drift_sample": 1} | settings
    service = Service(f"http://127.0.0.1:{port}", _environment(known), folder)
    _migrate(service)
    return service


def _free_port() -> int:
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    pytest.fail("no port is left")


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    # What a developer has set must not leak into tests.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    given = {f"{PREFIX}{name.upper()}": str(value) for name, value in settings.items()}
    # The working directory is the service's own, for the sake of `.env` files; so the code is named.
    return {**inherited, **given, "PYTHONPATH": str(ROOT)}


def _migrate(service: Service) -> None:
    Path(service.environment[f"{PREFIX}DATA_DIR"]).mkdir(mode=0o700, exist_ok=True)
    migrate.upgrade(service.database_url)


@contextmanager
def process(name: str, module: tuple[str, ...], service: Service) -> Iterator[subprocess.Popen[bytes]]:
    with (service.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd=service.folder,
            env=service.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # As the supervisor does: a test run that is killed leaves nothing running.
            preexec_fn=supervisor._child_setup(),  # noqa: PLW1509 - the test's main thread is the only one that starts any
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()


def await_answer(service: Service, api: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if api.poll() is not None:
            pytest.fail(f"the API ended with status {api.returncode}:\n{service.log()}")
        with suppress(httpx.TransportError):
            if httpx.get(f"{service.url}/health/live", timeout=2).is_success:
                return
        time.sleep(0.05)
    pytest.fail(f"the API does not answer:\n{service.log()}")
