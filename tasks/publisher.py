"""Publish tasks from a process that must not wait for the broker."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Any

import structlog

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Ended, Pace
from stockroom.settings import Settings
from tasks.configuration import QUEUE, RUN, for_publisher

_LONGEST_BACKLOG = 10_000
_DRAIN_SECONDS = 2.0

log = structlog.get_logger(__name__)

Message = tuple[str, Mapping[str, str]]
"""The id of a task, and the headers of its message."""

Send = Callable[[str, Mapping[str, str]], object]
Headers = Callable[[], Mapping[str, str]]


class BrokerAway(Exception):
    """The broker does not take a message."""


_PACE = Pace(longest=10.0, expected=(BrokerAway,))


class BrokerPublisher:
    """Publishes tasks in a thread of its own. Whatever the broker does, `publish` returns at once.

    A message that cannot be sent is tried again, and those after it wait. What is not sent in the end, or is
    too much to wait, is found by the sweep of the workers.
    """

    def __init__(self, settings: Settings, activities: Activities, headers: Headers = dict) -> None:
        """`headers` is asked for those of a message where it is published."""
        self._settings = settings
        self._headers = headers
        self._waiting: Queue[Message | None] = Queue(_LONGEST_BACKLOG)
        self._thread = activities.in_thread("dispatch", self._publish_next, _PACE)
        self._unsent: Message | None = None
        self._send: Send | None = None
        self._closing = False

    def publish(self, task_id: str) -> None:
        try:
            self._thread.start()
            self._waiting.put_nowait((task_id, self._headers()))
        except Full:
            log.warning("task.not_published", task=task_id, reason="too many are waiting")
        except RuntimeError as error:
            log.warning("task.not_published", task=task_id, reason=str(error))

    def close(self) -> None:
        """Stop once all waiting messages are sent, or one is not, or after two seconds."""
        self._closing = True
        with suppress(Full):
            # Where it is full, the thread has no time for all of it.
            self._waiting.put_nowait(None)
        self._thread.stop(_DRAIN_SECONDS)
        self._tell_of_the_rest()

    def _publish_next(self) -> None:
        self._unsent = self._unsent or self._waiting.get()
        if self._unsent is None:
            raise Ended
        try:
            self._send = self._send or _sender(self._settings)
            self._send(*self._unsent)
        except Exception:
            if self._closing:
                raise Ended from None
            raise
        self._unsent = None

    def _tell_of_the_rest(self) -> None:
        left = [self._unsent]
        with suppress(Empty):
            while True:
                left.append(self._waiting.get_nowait())
        if count := sum(message is not None for message in left):
            log.warning("tasks.not_published", count=count, reason="the process ends")


def _sender(settings: Settings) -> Send:
    # Loading Celery takes a tenth of a second or more; the start of the API need not wait for it.
    from celery import Celery  # noqa: PLC0415 - see above
    from kombu.exceptions import OperationalError  # noqa: PLC0415 - see above

    from tasks import folder  # noqa: PLC0415 - see above

    folder.install()
    celery: Any = Celery(QUEUE, set_as_current=False)
    celery.conf.update(for_publisher(settings))

    def send(task_id: str, headers: Mapping[str, str]) -> None:
        try:
            celery.send_task(RUN, (task_id,), headers=headers, ignore_result=True, retry=False)
        except (OperationalError, OSError) as error:
            raise BrokerAway(str(error)) from error

    return send
