"""Programs that run together end together, unless one is to be started again, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Tells its process id, then waits for ever.
WAIT = r"import os, time; os.write(1, b'%d\n' % os.getpid()); time.sleep(600)"
WAIT_AND_TELL_APART = WAIT.replace("%d", "r%d")
# As the first, with a child of its own, and deaf to requests to end.
STUBBORN = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"subprocess.Popen([sys.executable, '-c', {WAIT!r}]).wait()"
)
FAIL = "import sys; sys.exit(3)"

# Programs begin with a letter: r for those that are started again.
SUPERVISE = """
import os, sys
from functools import partial
from stockroom.process.supervisor import Program, supervise
codes = enumerate(sys.argv[1:])
programs = [Program(f"program {n}", [sys.executable, "-c", code[1:]], code[0] == "r") for n, code in codes]
print(supervise(programs, os.environ, grace=1.0, tell=partial(print, flush=True)), flush=True)
"""


@contextmanager
def supervisor(*programs: str, restarted: str = "") -> Iterator[subprocess.Popen[str]]:
    """Supervise `programs`, and another one that is started again."""
    given = [*(f"-{code}" for code in programs), *(f"r{code}" for code in (restarted,) if code)]
    command = [sys.executable, "-c", SUPERVISE, *given]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_programs(number: signal.Signals):
    with supervisor(WAIT, WAIT) as process:
        children = [_line(process), _line(process)]
        process.send_signal(number)
        assert _line(process) == "None"
        assert process.wait(10) == 0
    assert not [child for child in children if _runs(child)]


def test_a_program_that_ends_by_itself_stops_the_others():
    with supervisor(WAIT, FAIL) as process:
        said = process.communicate(timeout=10)[0].split("\n")
    assert "The program 1 ended with status 3, so everything was stopped." in said
    assert not [line for line in said if line.isdecimal() and _runs(line)]


def test_a_program_that_is_killed_is_told_as_such():
    with supervisor(WAIT) as process:
        os.kill(int(_line(process)), signal.SIGKILL)
        assert _line(process) == "The program 0 was killed by SIGKILL, so everything was stopped."


def test_a_program_that_is_to_be_started_again_takes_no_other_with_it():
    with supervisor(WAIT, restarted=WAIT_AND_TELL_APART) as process:
        other, mortal = sorted((_line(process), _line(process)))
        os.kill(int(mortal.removeprefix("r")), signal.SIGKILL)
        assert _line(process) == "The program 1 was killed by SIGKILL. It is started again in 1 s."
        again = _line(process).removeprefix("r")
        assert _runs(other)
        assert _runs(again)
        process.send_signal(signal.SIGTERM)
        assert _line(process) == "None"
        assert process.wait(10) == 0
    assert not [child for child in (other, again) if _runs(child)]


def test_the_pauses_grow_and_a_signal_ends_them():
    with supervisor(WAIT, restarted=FAIL) as process:
        said = [_line(process) for _ in range(3)]
        told = [line for line in said if not line.isdecimal()]
        assert told == [
            "The program 1 ended with status 3. It is started again in 1 s.",
            "The program 1 ended with status 3. It is started again in 2 s.",
        ]
        process.send_signal(signal.SIGTERM)
        assert _line(process) == "None"


def test_where_one_ends_for_good_the_other_is_not_started_again():
    with supervisor("import time; time.sleep(0.5)", restarted=FAIL) as process:
        said = process.communicate(timeout=20)[0].split("\n")
    assert said[-2] == "The program 0 ended with status 0, so everything was stopped."


def test_a_program_that_does_not_end_is_killed_with_its_children():
    with supervisor(STUBBORN) as process:
        grandchild = _line(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    _ends(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent is gone")
def test_programs_end_when_the_supervisor_itself_is_killed():
    with supervisor(WAIT, WAIT) as process:
        children = [_line(process), _line(process)]
        process.kill()
    for child in children:
        _ends(child)


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _runs(pid: str) -> bool:
    # An ended process that nobody has waited for yet does not run.
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _ends(pid: str) -> None:
    """Wait for the end of a process that is not our child; the test's time limit is the bound."""
    while _runs(pid):
        os.sched_yield()
