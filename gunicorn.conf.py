"""gunicorn's configuration: `gunicorn app:app` from this folder serves the API as the settings say."""

import gc
import sys
from typing import Any

from stockroom import settings
from stockroom.activities.activities import Activities
from stockroom.process import logs
from stockroom.process.metrics_server import MetricsServer, forget_process
from stockroom.process.patience import Bounds, Watch
from stockroom.process.protocol import Protocol
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
Protocol.watch = Watch(
    Bounds(
        seconds=_settings.client_seconds,
        bytes_per_second=_settings.client_bytes_per_second,
        connections=_settings.client_connections,
        # Behind proxies all connections are theirs.
        of_one_network=None if _settings.trusted_proxies else max(1, _settings.client_connections // 2),
    )
)
logger_class = RootLogger

# Longer than nginx keeps its own end open (60 s), so that a connection is never closed under a request.
keepalive = 75
# Seconds without a sign of life from a worker's event loop until it is replaced.
timeout = 30
# A little longer than uvicorn gives the requests under way, so that it can end by itself.
graceful_timeout = 28
# The control socket would be a file in the home folder; signals are enough.
control_socket_disable = True


def when_ready(arbiter: Any) -> None:
    """Serve metrics, before there is any worker."""
    arbiter.metrics = None
    if _settings.metrics_port:
        try:
            arbiter.metrics = MetricsServer(
                _settings.metrics_host, _settings.metrics_port, "STOCKROOM_METRICS_PORT", Activities()
            )
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


def child_exit(arbiter: Any, worker: Any) -> None:
    """What a worker that has ended said of itself is no longer so."""
    if arbiter.metrics:
        forget_process(worker.pid)


def on_exit(arbiter: Any) -> None:
    """Serve metrics no more."""
    if arbiter.metrics:
        arbiter.metrics.close()
