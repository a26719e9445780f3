"""Logs are one JSON object a line, whoever writes them and whatever a client has put into them."""

import json
import subprocess
import sys

import pytest

CONFIGURE = """
import logging, warnings, structlog
from stockroom.process import logs
from stockroom.settings import Settings
logs.configure(Settings(_env_file=None, log_level="info", log_format={form!r}))
log = structlog.get_logger()
structlog.contextvars.bind_contextvars(request_id="r1")
"""


def lines(statements: str, form: str = "json") -> list[str]:
    """What a process of its own writes, since logging is set up once in each."""
    program = CONFIGURE.format(form=form) + statements
    return subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()


def events(statements: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines(statements)]


def test_our_events_carry_time_level_and_request():
    (event,) = events("log.info('stored', sku='A-1', n=2)")
    assert event.pop("timestamp")
    assert event == {"event": "stored", "level": "info", "request_id": "r1", "sku": "A-1", "n": 2}


def test_events_of_libraries_take_the_same_form():
    (event,) = events("logging.getLogger('sqlalchemy.pool').warning('%s is gone', 'it')")
    assert event.pop("timestamp")
    assert event == {
        "event": "it is gone",
        "level": "warning",
        "request_id": "r1",
        "logger": "sqlalchemy.pool",
    }


def test_warnings_are_logged():
    (event,) = events("warnings.warn('old', DeprecationWarning)")
    assert "old" in str(event["event"])
    assert event["logger"] == "py.warnings"


def test_everyday_events_of_libraries_and_debugging_are_left_out():
    assert events("logging.getLogger('celery.worker').info('x'); log.debug('y')") == []


def test_an_exception_is_one_line_with_its_trace():
    (event,) = events(
        """
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""
    )
    assert event["level"] == "error"
    assert "ZeroDivisionError" in str(event["exception"])


@pytest.mark.parametrize(
    ("value", "logged"),
    [("'a\\nb'", "a\nb"), ("'\\ud800'", "\ud800"), ("2 ** 70", 2**70), ("{1, }", "{1}"), ("b'x'", "b'x'")],
)
def test_no_value_breaks_a_line(value: str, logged: object):
    (event,) = events(f"log.info('got', value={value})")
    assert event["value"] == logged


def test_console_lines_are_for_people():
    (line,) = lines("log.info('stored', sku='A-1')", form="console")
    assert "stored" in line
    assert "sku=A-1" in line
    assert not line.startswith("{")
