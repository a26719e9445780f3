"""Runs the programs of one terminal together: when a signal comes, or one ends for good, all of them end.

honcho would do this too, but a Ctrl-C in its first milliseconds leaves its children running.
"""

import contextlib
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from stockroom.process.parents import ending_with_parent

_STOP = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}

FIRST_PAUSE, LONGEST_PAUSE = 1, 60
"""Seconds until a program is started again: twice as long each time, until it has run for the longest."""


@dataclass(frozen=True)
class Program:
    """`restarts`: whether it is started again when it ends by itself."""

    name: str
    command: Sequence[str]
    restarts: bool = False


def supervise(
    programs: Sequence[Program],
    environment: Mapping[str, str],
    *,
    grace: float,
    started: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = print,
) -> str | None:
    """Run `programs` until a signal asks to stop (None), or one ends for good (a sentence that tells which).

    The others are then asked to end, and killed with all their own children after `grace` seconds. `tell`
    gets a sentence about each program that is started again. Call it from the main thread before others are
    started; `started` is called once all programs run.
    """
    supervised = [_Supervised(program, environment, tell) for program in programs]
    with _signals_waiting() as signals:
        try:
            for one in supervised:
                one.start()
            started()
            while not (ended := next(filter(None, [one.look() for one in supervised]), None)):
                signal.alarm(max(1, math.ceil(min(one.pause for one in supervised))))
                if signal.sigwait(signals) in _STOP:
                    return None
            return ended
        finally:
            signal.alarm(0)
            _stop([one.process for one in supervised if one.process], grace)


class _Supervised:
    """A program that runs, or waits to be started again."""

    def __init__(self, program: Program, environment: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._program = program
        self._environment = environment
        self._tell = tell
        self._next_pause = FIRST_PAUSE
        self._start_at = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pause(self) -> float:
        """Seconds until it is to be looked at, if it does not end before."""
        return LONGEST_PAUSE if self.process else self._start_at - time.monotonic()

    def start(self) -> None:
        self._started_at = time.monotonic()
        self.process = _start(self._program, self._environment)

    def look(self) -> str | None:
        """Start it again if it is time to; a sentence if it has ended for good."""
        if self.process is None:
            if self.pause > 0:
                return None
            self.start()
        how = self.process and _end_of(self.process)
        if not how:
            return None
        if not self._program.restarts:
            return f"The {self._program.name} {how}, so everything was stopped."
        self._start_later(how)
        return None

    def _start_later(self, how: str) -> None:
        if self.process:
            # What it has left of its own children.
            _kill(self.process)
        now, self.process = time.monotonic(), None
        pause = FIRST_PAUSE if now - self._started_at >= LONGEST_PAUSE else self._next_pause
        self._start_at, self._next_pause = now + pause, min(2 * pause, LONGEST_PAUSE)
        self._tell(f"The {self._program.name} {how}. It is started again in {pause} s.")


@contextlib.contextmanager
def _signals_waiting() -> Iterator[set[signal.Signals]]:
    """Blocked signals wait until they are asked for, so that none comes between two steps and is lost."""
    signals = _STOP | {signal.SIGCHLD, signal.SIGALRM}
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
        preexec_fn=_child_setup(),  # noqa: PLW1509 - safe: it takes no lock that another thread may hold
    )


def _child_setup() -> Callable[[], None]:
    """What a child does before it becomes its program: takes signals again, and ends when its parent does."""
    # Loaded here: between fork and exec as little as possible may happen.
    end_with_parent = ending_with_parent()

    def setup() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        # Even a supervisor that is killed outright then leaves nothing running.
        end_with_parent()

    return setup


def _end_of(process: subprocess.Popen[bytes]) -> str | None:
    status = process.poll()
    if status is None:
        return None
    return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _stop(processes: Sequence[subprocess.Popen[bytes]], grace: float) -> None:
    for process in processes:
        # Does nothing for one that has ended.
        process.terminate()
    until = time.monotonic() + grace
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, until - time.monotonic()))
        _kill(process)
        process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill it with its session, which outlives it where it left children of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
