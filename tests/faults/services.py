"""Services that are stopped and started again where they were."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.processes import GUNICORN, PATIENCE, Service, await_answer, new_service, process


class Restartable:
    """The API of a service, in a process that can be ended and started again."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._running = ExitStack()
        self.api = self._start()

    @property
    def url(self) -> str:
        return self.service.url

    def restart(self) -> None:
        """End it as an operator does, and start it again; returns when it answers."""
        self.api.send_signal(signal.SIGTERM)
        assert self.api.wait(PATIENCE) == 0, self.service.log()
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
