"""Stockroom whole: the API and its worker, as they run in production."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.servers import STOCKROOM, Running, process, running, stockroom_environment

_WORKER = ("-W", "ignore:You're running the worker with superuser privileges", "-m", "celery")


@dataclass(frozen=True)
class Stack:
    """The API, and the session of the worker's processes."""

    api: Running
    worker: int


@contextmanager
def stack(database_url: str, **settings: str) -> Iterator[Stack]:
    with running(STOCKROOM, database_url, **settings) as api:
        port = urlsplit(api.url).port or 0
        environment = stockroom_environment(database_url, port, api.folder / "var", **settings)
        command = [sys.executable, *_WORKER, "--quiet", "--app", "tasks", "worker", "--loglevel", "WARNING"]
        with process(command, api.folder, environment, api.folder / "worker.log") as worker:
            yield Stack(api, worker.pid)
