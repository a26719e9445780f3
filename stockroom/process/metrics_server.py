"""Metrics of all processes of the API, or of a worker, summed, on a port of their own.

Their parent process serves them.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from stockroom.activities.activities import Activities
from stockroom.activities.activity import Pace
from stockroom.settings import SettingsError

_LOOK_SECONDS = 5.0


class MetricsServer:
    """Serves what this process, and processes that are forked after this, will count.

    Raises SettingsError, which names the `variable`, if the port cannot be had.
    """

    def __init__(self, host: str, port: int, variable: str, activities: Activities) -> None:
        # One for each start. In a data folder containers could meet, whose processes have the same pids.
        self._folder = Path(tempfile.mkdtemp(prefix="stockroom-metrics-"))
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self._folder)
        # It looks into the environment when it is imported; and where metrics are off, nobody waits for it.
        from prometheus_client import CollectorRegistry  # noqa: PLC0415 - see above
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - see above

        self._host, self._port = host, port
        self._registry = CollectorRegistry()
        MultiProcessCollector(self._registry)  # type: ignore[no-untyped-call]  # it has no types
        self._server: Any = None
        self._thread: Any = None
        try:
            self._begin()
        except OSError as error:
            self._folder.rmdir()
            raise SettingsError(
                f"{variable}: cannot listen on {host}, port {port}: {error.strerror}"
            ) from None
        pace = Pace(every=_LOOK_SECONDS, delay=_LOOK_SECONDS)
        self._activity = activities.in_thread("metrics", self._look, pace)
        self._activity.start()

    def close(self) -> None:
        """Serve no more, and remove what was counted. Until then it stays, for no counter may fall."""
        self._activity.stop()
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _begin(self) -> None:
        from prometheus_client import start_http_server  # noqa: PLC0415 - see above

        self._server, self._thread = start_http_server(self._port, self._host, self._registry)

    def _look(self) -> None:
        """Serve again where the library's thread has ended, which raises RuntimeError to be told of."""
        if not self._thread.is_alive():
            self._server.server_close()
            self._begin()
            raise RuntimeError("the thread that serves metrics had ended; another one serves them now")


def forget_process(pid: int) -> None:
    """A process has ended: what it said of the present is no longer so."""
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - see above

    mark_process_dead(pid)  # type: ignore[no-untyped-call]  # it has no types
