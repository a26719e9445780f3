"""Logs are one JSON object a line, whoever writes them and whatever a client has put into them."""

import json
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from functools import cache
from urllib.parse import urlsplit

import httpx
import pytest

from tests.processes import Service

CONFIGURE = """
import logging, threading, warnings, structlog
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


# Escape sequences, a line of its own, C1's own introducer, DEL, text turned round, a line separator.
ACTING = "\x1b[2J\r\n\x07\x9b31m\x7f\u202etxt.exe\u2066\u2028"
SOURCES = {
    "event": "log.info(acting)",
    "value": "log.info('got', path=acting)",
    "user name": "log.info('got', user=acting)",
    "nested": "log.info('got', members={acting: [acting]})",
    "bytes": "log.info('got', body=acting.encode())",
    "repr": "log.info('got', thing=Thing())",
    "exception": "log.error('failed', exc_info=Failed(acting))",
    "cause": "log.error('failed', exc_info=caused())",
    "note": "log.error('failed', exc_info=noted())",
    "stack": "log.info('got', stack=acting)",
    "library": "logging.getLogger('kombu').warning('%s', acting)",
    "library's exception": "logging.getLogger('kombu').error('failed', exc_info=Failed(acting))",
    "warning": "warnings.warn(acting)",
    "context": "structlog.contextvars.bind_contextvars(acting=acting); log.info('got')",
}
PREPARE = f"""
acting = {ACTING!a}
class Thing:
    def __repr__(self): return acting
class Failed(Exception):
    pass
def caused():
    error = Failed('x')
    error.__cause__ = Failed(acting)
    return error
def noted():
    error = Failed('x')
    error.add_note(acting)
    return error
def fail():
    raise Failed(acting)
class Gone:
    def __del__(self): fail()
def mark():
    structlog.contextvars.unbind_contextvars("acting")
    print("--8<--", flush=True)
"""


UNCAUGHT = {
    "a thread": "t = threading.Thread(target=fail); t.start(); t.join()",
    "an object that goes away": "Gone()",
    "the program": "fail()",
}


@cache
def written(form: str) -> dict[str, str]:
    """What a process of its own writes for each source, on both of its streams; the program's end is last."""
    statements = [f"{statement}\nmark()\n" for statement in (SOURCES | UNCAUGHT).values()]
    program = CONFIGURE.format(form=form) + PREPARE + "".join(statements)
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return dict(zip(SOURCES | UNCAUGHT, done.stdout.decode().split("--8<--\n"), strict=True))


def acting_in(text: str) -> set[str]:
    """The characters that act on a terminal, or hide what they stand beside; lines end where they should."""
    return {
        c
        for c in text
        if c != "\n"
        and (unicodedata.category(c) in {"Cc", "Zl", "Zp"} or unicodedata.bidirectional(c) in BIDI)
    }


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("source", SOURCES)
def test_no_control_character_reaches_a_terminal(source: str, form: str):
    text = written(form)[source]
    assert "txt.exe" in text
    assert acting_in(text) == set()
    # A line feed begins no line that looks like one of ours.
    first, *more = text.splitlines()
    assert all(line == "" or line.startswith("    ") for line in more), text
    if form == "json":
        assert more == []
        assert "txt.exe" in json.dumps(json.loads(first))


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("source", UNCAUGHT)
def test_what_nobody_catches_is_logged_as_safely(source: str, form: str):
    text = written(form)[source]
    assert "uncaught" in text
    assert "txt.exe" in text
    assert acting_in(text) == set()


def test_what_is_escaped_in_json_is_the_same_when_it_is_read():
    (event,) = events(f"log.info('got', value={ACTING!a})")
    assert event["value"] == ACTING


def test_plain_text_of_any_language_stays_as_it_is():
    text = "Käse, 奶酪, גבינה, 🧀 + 100 %"
    (line,) = lines(f"log.info('got', value={text!a})")
    assert text in line
    (line,) = lines(f"log.info('got', value={text!a})", form="console")
    assert text in line


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_client_sends_does_nothing_to_the_terminal(start_service: Callable[..., Service], form: str):
    service = start_service(log_format=form, log_level="info", trusted_proxies=1)
    acting = "%1b%5B2J%0d%0a%07%c2%9b31m%7f%e2%80%aetxt.exe"
    headers = {"X-Request-Id": "\x1b[2J", "X-Forwarded-For": "\x1b[2J", "User-Agent": "\x1b[2J"}
    assert httpx.get(f"{service.url}/{acting}").status_code == 400
    assert httpx.get(f"{service.url}/items/%c2%9b31m%e2%80%ae{acting[-7:]}").status_code == 401
    assert raw_get(service, headers).startswith(b"HTTP/1.1 400 ")
    log = service.log()
    assert "txt.exe" in log
    assert acting_in(log) == set()


def raw_get(service: Service, headers: dict[str, str]) -> bytes:
    """The answer to a request that no client library sends."""
    address = urlsplit(service.url)
    lines = ["GET / HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return b"".join(iter(lambda: connection.recv(65_536), b""))
