"""Ctrl-C in the first seconds of `stockroom run`, whatever it is doing then, is a clean end."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.processes import PATIENCE, ROOT, _free_port

pytestmark = pytest.mark.usefixtures("bare_environment")

# Tells that Python itself is there, which this is not about.
RUN = "import os, sys; os.write(1, b'!'); from stockroom.command import main; main()"


def interrupted(seconds: float, *arguments: str) -> tuple[int, str]:
    """The exit status and the words of a command that is interrupted after so many seconds."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "STOCKROOM_PORT": str(_free_port())}
    command = [sys.executable, "-c", RUN, *arguments]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == b"!"
        time.sleep(seconds)  # The moment is what the test is about; nothing is waited for.
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0].decode()
    return process.returncode, said


# While modules are loaded, while the database is made, while the programs start, once they run.
@pytest.mark.parametrize("seconds", [0.1, 0.4, 0.8, 1.2, 1.8, 2.5])
def test_a_signal_ends_it_without_a_word(seconds: float) -> None:
    status, said = interrupted(seconds, "run")
    assert "Traceback" not in said
    assert status == 0


def test_another_command_that_is_interrupted_has_failed() -> None:
    status, said = interrupted(0.1, "create-admin", "--username", "ada", "--email", "a@example.org")
    assert "Traceback" not in said
    assert status in {1, 130}
