"""Servers of a trial's own, which it may stop, freeze and kill: PostgreSQL and RabbitMQ.

A Redis of one's own is in `tests/redis_server.py`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from tests.onlooker import onlooker
from tests.processes import PATIENCE, _free_port
from tests.requiring import missing
from tests.trees import frozen, tree


class Postgresql:
    """A cluster in a folder of its own, with a database `stockroom`, asked over TCP."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs, self._folder = programs, folder
        self.url = f"postgresql+asyncpg://postgres@127.0.0.1:{port}/stockroom"

    def make(self, **settings: object) -> None:
        self._run("initdb", "--auth", "trust", "--username", "postgres", "--no-sync")
        port = self.url.rpartition(":")[2].partition("/")[0]
        settings |= {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        with (self._folder / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.control("start")
        with onlooker(self.url, database="postgres").connect() as server:
            server.exec_driver_sql("CREATE DATABASE stockroom")

    def control(self, command: str, mode: str = "fast") -> None:
        """`start`, `stop` or `restart` it; `immediate` is as in a crash."""
        log = str(self._folder / "server.log")
        how = () if command == "start" else ("-m", mode)
        self._run("pg_ctl", command, "--wait", "--log", log, *how)

    def frozen(self) -> AbstractContextManager[None]:
        return frozen(tree(int((self._folder / "postmaster.pid").read_text().split()[0])))

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments, "--pgdata", str(self._folder)]
        options: dict[str, Any] = {"cwd": "/", "user": _user(), "group": _user()}
        # A server keeps what it inherits open.
        subprocess.run(
            command, check=True, **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL), **options
        )


def _user() -> str | None:
    """Who runs it: PostgreSQL refuses to be root's."""
    return "postgres" if os.geteuid() == 0 else None


@contextmanager
def postgresql(**settings: object) -> Iterator[Postgresql]:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        missing("PostgreSQL's initdb is not there")
    # Not below pytest's folder, which is its user's alone.
    folder = Path(tempfile.mkdtemp(prefix="stockroom-postgresql-"))
    if user := _user():
        shutil.chown(folder, user)
    server = Postgresql(programs[-1].parent, folder, _free_port())
    try:
        server.make(**settings)
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):
            server.control("stop", "immediate")
        shutil.rmtree(folder)


class RabbitMq:
    """A node of its own."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self.url = url

    def frozen(self) -> AbstractContextManager[None]:
        return frozen(tree(self._process.pid))

    def is_up(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.connect()
        except OSError:
            return False
        return True


@contextmanager
def rabbitmq(folder: Path, port: int | None = None) -> Iterator[RabbitMq]:
    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if not program.exists():
        missing("rabbitmq-server is not there")
    port = port or _free_port()
    folder.mkdir(exist_ok=True)
    (folder / "plugins").write_text("[].\n")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": folder,
        "RABBITMQ_NODENAME": f"stockroom-{port}@localhost",
        "RABBITMQ_NODE_PORT": port,
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": _free_port(),
        "RABBITMQ_MNESIA_BASE": folder / "mnesia",
        "RABBITMQ_LOG_BASE": folder,
        "RABBITMQ_CONFIG_FILE": folder / "none",
        "RABBITMQ_CONF_ENV_FILE": folder / "none",
        "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins",
    }
    with (folder / "node.log").open("ab") as log:
        process = subprocess.Popen(
            [program],
            env={name: str(value) for name, value in environment.items()},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    node = RabbitMq(process, f"amqp://guest:guest@127.0.0.1:{port}//")
    try:
        until = time.monotonic() + PATIENCE
        while not node.is_up():
            if process.poll() is not None or time.monotonic() > until:
                pytest.skip(f"a second RabbitMQ does not start: {(folder / 'node.log').read_text()[-300:]}")
            time.sleep(0.2)
        yield node
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Stoppable:
    """A server that goes away and comes back on its port."""

    def __init__(self, start: Callable[[int], AbstractContextManager[Any]]) -> None:
        self._start, self._port = start, _free_port()
        self._running = ExitStack()
        self._begin()

    @property
    def url(self) -> str:
        return str(self._server.url)

    @contextmanager
    def down(self) -> Iterator[None]:
        """Killed, and started again."""
        self.close()
        try:
            yield
        finally:
            self._begin()

    def frozen(self) -> AbstractContextManager[None]:
        found: AbstractContextManager[None] = self._server.frozen()
        return found

    def close(self) -> None:
        self._running.close()

    def _begin(self) -> None:
        self._server = self._running.enter_context(self._start(self._port))
