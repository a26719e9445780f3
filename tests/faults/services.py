"""Services that are stopped and started again where they were."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.processes import GUNICORN, PATIENCE, Service, await_answer, new_service, process
from tests.trees import frozen, send, tree

_CELERY = ("celery", "--quiet", "--app", "tasks", "worker", "--loglevel", "WARNING")


class Restartable:
    """The API of a service, in a process that can be ended and started again."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._running = ExitStack()
        self.api = self._start()

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def processes(self) -> list[int]:
        """gunicorn's, and those that answer."""
        return tree(self.api.pid)

    def restart(self) -> None:
        """End it as an operator does, and start it again; returns when it answers."""
        self.api.send_signal(signal.SIGTERM)
        assert self.api.wait(PATIENCE) == 0, self.service.log()
        self.start_again()

    def kill(self, *processes: int) -> None:
        send(list(processes), signal.SIGKILL)

    def start_again(self) -> None:
        self._running.close()
        self.api = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        api = self._running.enter_context(process("api", GUNICORN, self.service))
        await_answer(self.service, api)
        return api

    def close(self) -> None:
        self._running.close()


@contextmanager
def restartable(folder: Path, settings: dict[str, Any]) -> Iterator[Restartable]:
    service = Restartable(new_service(folder, settings))
    try:
        yield service
    finally:
        service.close()


class Worker:
    """A worker, with a pool of one process unless it is `solo`."""

    def __init__(self, service: Service, name: str, *, pool: str = "prefork") -> None:
        self._service, self._name, self._pool = service, name, pool
        self._running = ExitStack()

    def __enter__(self) -> Self:
        command = (*_CELERY, "--pool", self._pool, "--concurrency", "1")
        self._worker = self._running.enter_context(process(self._name, command, self._service))
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def processes(self) -> list[int]:
        """Celery's, and the one that does the work."""
        return tree(self._worker.pid)

    @property
    def has_ended(self) -> bool:
        return self._worker.poll() is not None

    def pool_process(self) -> int:
        """The one that does the work, once it is there."""
        until = time.monotonic() + PATIENCE
        while len(found := self.processes) < 2:
            assert time.monotonic() < until, self._service.log()
            time.sleep(0.05)
        return found[1]

    def kill(self, *processes: int) -> None:
        send(list(processes), signal.SIGKILL)

    def frozen(self) -> AbstractContextManager[None]:
        return frozen(self.processes)

    def stop(self) -> None:
        """Ask it to end as an operator does."""
        self._worker.send_signal(signal.SIGTERM)
