"""The servers: how each is started, in one process that answers requests, as its documentation says."""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx

from bench import environments

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
"""Seconds until a server must answer."""

_UVICORN = ("-m", "uvicorn", "--loop", "uvloop", "--http", "httptools")
_QUIET = ("--no-access-log", "--log-level", "warning")
# Requests run in threads, on connections that stay open; by default each would have a connection of its own.
_GUNICORN = ("-m", "gunicorn", "--workers", "1", "--worker-class", "gthread", "--threads", "4")


@dataclass(frozen=True)
class Server:
    """A server that can be started. `database` names whose tables it uses, `settings` are its environment."""

    name: str
    title: str
    folder: Path
    command: Callable[[int], list[str]]
    kind: Literal["own", "peer", "floor"] = "peer"
    database: str = "peers"
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A server that answers at `url`; its processes make up a session. `started_in` is in seconds."""

    url: str
    session: int
    started_in: float
    folder: Path


def _stockroom(port: int) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "app:app"]


def _with_uvicorn(peer: str, app: str) -> Callable[[int], list[str]]:
    return lambda port: [environments.python(peer), *_UVICORN, *_QUIET, "--port", str(port), app]


def _with_gunicorn(peer: str, app: str) -> Callable[[int], list[str]]:
    return lambda port: [environments.python(peer), *_GUNICORN, "--bind", f"127.0.0.1:{port}", app]


def _with_node(peer: str) -> Callable[[int], list[str]]:
    return lambda port: [environments.node(peer), "server.js"]


def _peer(name: str, title: str, command: Callable[[int], list[str]], folder: str = "") -> Server:
    return Server(name, title, environments.PEERS / (folder or name), command)


def _floor(name: str, title: str, driver: str) -> Server:
    command = _with_uvicorn("floor", "app:app")
    return Server(
        name, title, environments.PEERS / "floor", command, kind="floor", settings={"DRIVER": driver}
    )


STOCKROOM = Server("stockroom", "Stockroom", ROOT, _stockroom, kind="own", database="stockroom")
SERVERS = {
    server.name: server
    for server in (
        STOCKROOM,
        _peer("litestar", "Litestar", _with_uvicorn("litestar", "app:app")),
        _peer("fastapi-async", "FastAPI, async", _with_uvicorn("fastapi", "async_main:app"), "fastapi"),
        _peer("fastapi", "FastAPI", _with_uvicorn("fastapi", "main:app")),
        _peer("classic", "Flask, classic stack", _with_gunicorn("classic", "app:create_app()")),
        _peer("connexion", "Connexion, stock", _with_uvicorn("connexion", "app:app")),
        _peer("drf", "Django REST framework", _with_gunicorn("drf", "wsgi:application")),
        _peer("fastify", "Fastify", _with_node("fastify")),
        _floor("floor", "The floor", "psycopg"),
        _floor("floor-asyncpg", "The floor, asyncpg", "asyncpg"),
    )
}


@contextmanager
def running(server: Server, database_url: str, **settings: str) -> Iterator[Running]:
    """Run `server` on a database until the context ends. `settings` are Stockroom's, by their names."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        port = _free_port()
        environment = _environment(server, database_url, port, folder, settings)
        # Stockroom would read a .env file in its working directory.
        directory = folder if server is STOCKROOM else server.folder
        command = server.command(port)
        started = time.monotonic()
        with process(command, directory, environment, folder / "api.log") as api:
            url = f"http://127.0.0.1:{port}"
            _wait_until_it_answers(url, api, folder / "api.log")
            yield Running(url, api.pid, time.monotonic() - started, folder)


@contextmanager
def process(
    command: list[str], folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own; all its processes end with the context."""
    with log.open("wb") as output:
        started = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield started
    finally:
        started.terminate()
        with suppress(subprocess.TimeoutExpired):
            started.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(started.pid, 9)
        started.wait()


def stockroom_environment(database_url: str, port: int, data_dir: Path, **settings: str) -> dict[str, str]:
    """Stockroom's settings as in production, but that limits are counted and told, and refuse nothing."""
    given = {
        "port": str(port),
        "data_dir": str(data_dir),
        "database_url": database_url,
        "rate_limits": "report",
        **settings,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STOCKROOM_")}
    settings = {f"STOCKROOM_{name.upper()}": value for name, value in given.items()}
    return {**inherited, **settings, "PYTHONPATH": str(ROOT)}


def _environment(
    server: Server, database_url: str, port: int, folder: Path, settings: Mapping[str, str]
) -> dict[str, str]:
    if server is STOCKROOM:
        return stockroom_environment(database_url, port, folder / "var", **settings)
    own = {"DATABASE_URL": database_url, "JWT_KEY": secrets.token_urlsafe(32), "PORT": str(port)}
    return {**os.environ, **own, **server.settings, "NODE_ENV": "production"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(url: str, api: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    with httpx.Client(base_url=url, timeout=2) as client:
        while time.monotonic() < until and api.poll() is None:
            with suppress(httpx.TransportError):
                if client.get("/health/live").is_success:
                    return
            time.sleep(0.02)
    raise RuntimeError(f"a server does not answer; it said:\n{log.read_text(errors='replace')[-3000:]}")


def versions(server: Server) -> dict[str, str]:
    """What a peer is made of; nothing for Stockroom, whose lock file says it."""
    if server is STOCKROOM:
        return {}
    if (server.folder / "package.json").exists():
        found: dict[str, str] = json.loads((server.folder / "package.json").read_text())["dependencies"]
        return found
    return environments.versions(server.folder.name)
