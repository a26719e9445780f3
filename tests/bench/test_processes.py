"""What is said of processes, held against processes that are known."""

import os
import subprocess
import sys
from pathlib import Path

from bench import processes

# Burns CPU time in a child that has ended when the line is written, holds 50 MiB, and waits to be told.
PROGRAM = """
import subprocess, sys
burn = "import time\\nwhile time.process_time() < 0.3: pass"
subprocess.run([sys.executable, "-c", burn], check=True)
held = bytearray(b"x" * 50 * 2**20)
print("ready", flush=True)
sys.stdin.read()
"""


def test_cpu_time_of_children_that_have_ended_and_memory_are_counted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        used = processes.cpu_seconds(program.pid)
        peak, now = processes.peak_memory(program.pid), processes.memory(program.pid)
        assert program.stdin is not None
        program.stdin.close()
    assert 0.3 <= used < 5
    assert 50 * 2**20 < now <= peak < 200 * 2**20


def test_a_session_without_processes_has_used_nothing() -> None:
    assert processes.cpu_seconds(-1) == 0
    assert processes.peak_memory(-1) == 0


def test_the_time_of_a_child_counts_for_its_parent_once_it_has_ended() -> None:
    before = processes.cpu_seconds_of_ended_children(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"ready\n"
        assert processes.parent(program.pid) == os.getpid()
        running = processes.cpu_seconds_of(program.pid)
        assert processes.cpu_seconds_of_ended_children(os.getpid()) == before
    assert 0.3 <= running <= processes.cpu_seconds_of_ended_children(os.getpid()) - before
    assert processes.cpu_seconds_of(program.pid) == 0


def test_a_process_has_a_name_while_it_runs() -> None:
    assert processes.name(os.getpid()) == Path("/proc/self/comm").read_text().strip()
    assert processes.name(-1) == ""
