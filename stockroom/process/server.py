"""How gunicorn and uvicorn serve the application; `gunicorn.conf.py` names these classes."""

import logging
import os
import sys
from typing import Any

from gunicorn.glogging import Logger
from uvicorn_worker import UvicornWorker

from stockroom.process.parents import ending_with_parent
from stockroom.process.protocol import Protocol


class UnsupportedServerError(RuntimeError):
    """Another server than ours wants to serve the application."""


class ApiWorker(UvicornWorker):
    """One process of the API."""

    runs_here = False
    """Whether this process is one."""

    CONFIG_KWARGS = {  # noqa: RUF012 - declared by the base class as an instance attribute's default
        "loop": "uvloop",
        "http": Protocol,
        "ws": "none",
        # A contract that cannot be kept must stop the process from starting, not fail its first request.
        "lifespan": "on",
        # The guard counts proxies itself; what uvicorn believes could be forged.
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
        "timeout_graceful_shutdown": 25,
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The base class has just attached it to gunicorn's handlers; ours are on the root logger.
        log = logging.getLogger("uvicorn.error")
        log.handlers = []
        log.propagate = True
        log.setLevel(logging.getLogger("uvicorn").level)

    def init_process(self) -> None:
        ApiWorker.runs_here = True
        # gunicorn may be killed outright: who lived on would keep the port from the next one.
        ending_with_parent()()
        if os.getppid() != self.ppid:
            sys.exit()
        super().init_process()


def require_api_worker() -> None:
    """Raises UnsupportedServerError in a process that is no ApiWorker.

    Other servers read requests and believe headers each in a way of its own, so that what the contract
    promises would not hold.
    """
    if not ApiWorker.runs_here:
        raise UnsupportedServerError(
            "this server is not supported: use `stockroom run`, or `gunicorn app:app` with gunicorn.conf.py "
            "and without --preload or another --worker-class"
        )


class RootLogger(Logger):
    """gunicorn's own events, handed to the logging that `stockroom.process.logs` has set up."""

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.error_log.propagate = True
        self.error_log.setLevel(logging.getLogger("gunicorn").level)

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """The application logs requests itself."""
