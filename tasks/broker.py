"""Tells of the broker as of background activities: once when it is away, then seldom, and when it is back."""

import logging
from typing import Any

from celery import bootsteps

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Activity, Pace

# Celery sees to the tries, 2 to 30 seconds apart; whatever the error is, the broker cannot be worked with.
_PACE = Pace(expected=(Exception,))


def watching(activities: Activities) -> type[Any]:
    """Make the step of Celery's consumer that sees each new connection, and take in the errors until then."""
    broker = activities.standing("broker", _PACE)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(_Failures(broker))

    class Connected(bootsteps.StartStopStep):  # type: ignore[misc] # Celery ships no types.
        requires = ("celery.worker.consumer.connection:Connection",)

        def start(self, consumer: Any) -> None:
            broker.succeeded()

    return Connected


class _Failures(logging.Filter):
    """Takes in what Celery logs of errors of its connection, for hours each half a minute if need be."""

    def __init__(self, broker: Activity) -> None:
        super().__init__()
        self._broker = broker

    def filter(self, record: logging.LogRecord) -> bool:
        given = record.args if isinstance(record.args, tuple) else ()
        error = next((value for value in given if isinstance(value, BaseException)), None)
        if error is None:
            return True
        self._broker.failed(error)
        return False
