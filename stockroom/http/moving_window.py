"""Moving windows counted in this process: a storage for `limits`, which Flask-Limiter takes by its scheme."""

import threading
import time
from collections import OrderedDict, deque

from limits.storage import MemoryStorage

SCHEME = "windows"


class MovingWindowStorage(MemoryStorage):
    """Keeps the times of the requests in each window, and nothing of callers who stay away.

    The library's own starts a thread every ten milliseconds, which looks through the windows of all callers.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - declared by the base class

    def __init__(self, uri: str | None = None, *, wrap_exceptions: bool = False, **options: str) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions, **options)
        # By length in seconds, since windows of one length end in the order in which they were last added to.
        self._windows: dict[int, OrderedDict[str, deque[float]]] = {}
        self._lock = threading.Lock()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` requests into the window of the last `expiry` seconds, unless they are too many."""
        with self._lock:
            now = time.monotonic()
            windows = self._windows.setdefault(expiry, OrderedDict())
            _forget(windows, now - expiry)
            window = windows.setdefault(key, deque())
            _drop(window, now - expiry)
            if len(window) + amount > limit:
                return False
            window.extend([now] * amount)
            windows.move_to_end(key)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the window's first request was counted, in seconds since the epoch, and how many there are."""
        with self._lock:
            now = time.monotonic()
            window = self._windows.get(expiry, OrderedDict()).get(key)
            if not window:
                return time.time(), 0
            _drop(window, now - expiry)
            return time.time() - (now - window[0] if window else 0), len(window)


def _forget(windows: OrderedDict[str, deque[float]], before: float) -> None:
    """Forget callers who have been away for a whole window: two at a time, when one may have come."""
    for _ in range(2):
        key = next(iter(windows), None)
        if key is None or (windows[key] and windows[key][-1] >= before):
            return
        del windows[key]


def _drop(window: deque[float], before: float) -> None:
    while window and window[0] < before:
        window.popleft()
