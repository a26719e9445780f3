"""Has a process end with the one that started it, however that ends, where the system tells of it (Linux)."""

import ctypes
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def ending_with_parent() -> Callable[[], None]:
    """A call by which a new process asks for SIGTERM at its parent's end. Nothing is loaded in that call."""
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def ask() -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask
