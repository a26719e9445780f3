"""Runs the programs of one terminal together: when a signal comes or one of them ends, all of them end.

honcho would do this too, but a Ctrl-C in its first milliseconds leaves its children running.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

_STOP = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]


def supervise(
    programs: Sequence[Program],
    environment: Mapping[str, str],
    *,
    grace: float,
    started: Callable[[], None] = lambda: None,
) -> str | None:
    """Run `programs` until a signal asks to stop (None), or one ends by itself (a sentence that tells which).

    The others are then asked to end, and killed with all their own children after `grace` seconds.
    Call it from the main thread before others are started; `started` is called once all programs run.
    """
    running: dict[str, subprocess.Popen[bytes]] = {}
    with _signals_waiting() as signals:
        try:
            for program in programs:
                running[program.name] = _start(program, environment)
            started()
            while not (ended := _first_ended(running)):
                if signal.sigwait(signals) in _STOP:
                    return None
            return ended
        finally:
            _stop(list(running.values()), grace)


@contextlib.contextmanager
def _signals_waiting() -> Iterator[set[signal.Signals]]:
    """Blocked signals wait until they are asked for, so that none comes between two steps and is lost."""
    signals = _STOP | {signal.SIGCHLD}
    # The kernel may drop a waiting signal that nobody handles.
    before = signal.signal(signal.SIGCHLD, lambda number, frame: None)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield signals
    finally:
        # What came while stopping has been answered by stopping.
        while signal.sigpending() & signals:
            signal.sigwait(signals)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGCHLD, before)


def _start(program: Program, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    # A session of its own keeps the terminal's Ctrl-C away: the supervisor passes it on, once.
    return subprocess.Popen(  # noqa: S603 - the command lines are ours
        program.command,
        env=environment,
        start_new_session=True,
        preexec_fn=_child_setup(),  # noqa: PLW1509 - safe while there is one thread
    )


def _child_setup() -> Callable[[], None]:
    """What a child does before it becomes its program: takes signals again, and ends when its parent does."""
    # Loaded here: between fork and exec as little as possible may happen.
    prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

    def setup() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if prctl is not None:
            # Even a supervisor that is killed outright then leaves nothing running.
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return setup


def _first_ended(running: Mapping[str, subprocess.Popen[bytes]]) -> str | None:
    for name, process in running.items():
        status = process.poll()
        if status is not None:
            how = (
                f"was killed by {signal.Signals(-status).name}"
                if status < 0
                else f"ended with status {status}"
            )
            return f"The {name} {how}, so everything was stopped."
    return None


def _stop(processes: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    for process in processes:
        # Does nothing for one that has ended.
        process.terminate()
    until = time.monotonic() + grace
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        # The session outlives its leader where a program left children of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
