"""gunicorn's configuration: `gunicorn app:app` from this folder serves the API as the settings say."""

import gc
import shutil
import sys
from typing import Any

from stockroom import settings
from stockroom.process import logs, metrics_server
from stockroom.process.server import ApiWorker, RootLogger

try:
    _settings = settings.load()
except settings.SettingsError as error:
    sys.exit(str(error))
logs.configure(_settings)

_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
workers = _settings.web_workers
worker_class = ApiWorker
logger_class = RootLogger

# Longer than nginx keeps its own end open (60 s), so that a connection is never closed under a request.
keepalive = 75
# Seconds without a sign of life from a worker's event loop until it is replaced.
timeout = 30
# A little longer than uvicorn gives the requests under way, so that it can end by itself.
graceful_timeout = 10
# The control socket would be a file in the home folder; signals are enough.
control_socket_disable = True


def when_ready(arbiter: Any) -> None:
    """Serve metrics, before there is any worker."""
    try:
        arbiter.metrics = metrics_server.serve(_settings) if _settings.metrics_port else None
    except settings.SettingsError as error:
        sys.exit(str(error))


def post_fork(arbiter: Any, worker: Any) -> None:
    """Search for no garbage while the application is loaded: there is none."""
    gc.disable()


def post_worker_init(worker: Any) -> None:
    """Search no more for garbage in what lives as long as the process: each time all requests wait 0.1 s.

    Of what requests leave little is garbage that has to be searched for, which took a fifteenth of a read.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


def on_exit(arbiter: Any) -> None:
    """Remove what the workers counted; until then it stays, as no counter may fall when a worker ends."""
    if arbiter.metrics:
        shutil.rmtree(arbiter.metrics)
