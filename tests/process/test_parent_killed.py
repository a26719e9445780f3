"""The processes of the API end with gunicorn's, even where that one is killed: they would keep the port."""

import signal
import sys
from pathlib import Path

import pytest

from tests.processes import GUNICORN, PATIENCE, await_answer, new_service, process
from tests.trees import children, have_ended

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a process of its parent's end"
)


def test_no_process_outlives_the_parent(tmp_path: Path) -> None:
    service = new_service(tmp_path / "service", {})
    with process("api", GUNICORN, service) as api:
        await_answer(service, api)
        living = children(api.pid)
        assert living
        api.send_signal(signal.SIGKILL)
        assert have_ended(living, PATIENCE / 3)
