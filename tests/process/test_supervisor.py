"""Programs that run together end together, whatever ends first, and leave nothing behind."""

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
# The same, with a child of its own, and deaf to requests to end.
STUBBORN = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"subprocess.Popen([sys.executable, '-c', {WAIT!r}]).wait()"
)
FAIL = "import sys; sys.exit(3)"

SUPERVISE = """
import os, sys
from stockroom.process.supervisor import Program, supervise
codes = enumerate(sys.argv[1:])
programs = [Program(f"program {n}", [sys.executable, "-c", code]) for n, code in codes]
print(supervise(programs, os.environ, grace=1.0), flush=True)
"""


@contextmanager
def supervisor(*programs: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", SUPERVISE, *programs]
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
