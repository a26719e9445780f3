"""Metrics of all processes of the API, summed, on a port of their own that their parent process serves."""

import os
import tempfile
from pathlib import Path

from stockroom.settings import Settings, SettingsError


def serve(settings: Settings) -> Path:
    """Serve what processes that are forked after this will count; returns the folder of their counters.

    Whoever calls it removes the folder when they have ended. Raises SettingsError if the port cannot be had.
    """
    # One for each start. In a data folder, services that run in containers could meet, with the same pids.
    folder = Path(tempfile.mkdtemp(prefix="stockroom-metrics-"))
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    # It looks into the environment when it is imported; and where metrics are off, nobody waits for it.
    from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415 - see above
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - see above

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    host, port = settings.metrics_host, settings.metrics_port
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        folder.rmdir()
        raise SettingsError(
            f"STOCKROOM_METRICS_PORT: cannot listen on {host}, port {port}: {error.strerror}"
        ) from None
    return folder
