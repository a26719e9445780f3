"""A Redis of the test's own, which it may freeze and stop."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import redis

from tests.processes import PATIENCE, _free_port
from tests.requiring import missing


class RedisServer:
    """A server on a port of its own, in memory."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self.url = url

    def stop(self) -> None:
        """Gone, as where it was killed."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It takes connections and bytes, and says nothing."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@pytest.fixture
def start_redis(tmp_path: Path) -> Callable[..., AbstractContextManager[RedisServer]]:
    """Start a Redis on a given port, or any."""
    if shutil.which("redis-server") is None:
        missing("redis-server is not there")
    return lambda port=None: _redis_server(port or _free_port(), tmp_path)


@contextmanager
def _redis_server(port: int, folder: Path) -> Iterator[RedisServer]:
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_until_it_answers(url := f"redis://127.0.0.1:{port}/0")
            yield RedisServer(process, url)
        finally:
            process.kill()


def _wait_until_it_answers(url: str) -> None:
    until = time.monotonic() + PATIENCE
    with redis.Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                assert time.monotonic() < until, "Redis does not answer"
                time.sleep(0.02)
            else:
                return
