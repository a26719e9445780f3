"""Publish tasks from a process that must not wait for the broker."""

import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Any

import structlog

from stockroom.settings import Settings
from tasks.configuration import QUEUE, RUN, for_publisher

_LONGEST_BACKLOG = 10_000
_DRAIN_SECONDS = 2.0

log = structlog.get_logger(__name__)

Send = Callable[[str], object]


class BrokerPublisher:
    """Publishes tasks in a thread of its own. Whatever the broker does, `publish` returns at once.

    A message that cannot be sent is logged and dropped: the sweep of the workers finds the task.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting: Queue[str | None] = Queue(_LONGEST_BACKLOG)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def publish(self, task_id: str) -> None:
        self.start()
        try:
            self._waiting.put_nowait(task_id)
        except Full:
            log.warning("task.not_published", task=task_id, reason="too many are waiting")

    def start(self) -> None:
        """Start the thread; `publish` does so by itself."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Stop once all waiting messages are sent, or after two seconds."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None:
            try:
                self._waiting.put_nowait(None)
            except Full:
                return
            thread.join(_DRAIN_SECONDS)

    def _run(self) -> None:
        send: Send | None = None
        while (task_id := self._waiting.get()) is not None:
            try:
                send = send or _sender(self._settings)
                send(task_id)
            except Exception as error:  # noqa: BLE001 - a broker fails in many ways, none of which may end the thread
                log.warning("task.not_published", task=task_id, reason=repr(error))


def _sender(settings: Settings) -> Send:
    # Loading Celery takes a tenth of a second or more; the start of the API need not wait for it.
    from celery import Celery  # noqa: PLC0415 - see above

    from tasks import folder  # noqa: PLC0415 - see above

    folder.install()
    celery: Any = Celery(QUEUE, set_as_current=False)
    celery.conf.update(for_publisher(settings))
    return lambda task_id: celery.send_task(RUN, (task_id,), ignore_result=True, retry=False)
