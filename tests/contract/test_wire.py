"""Requests that no client library sends, put to the service as it runs."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stockroom.db.database import open_database
from stockroom.db.tables import users
from stockroom.process.protocol import REFUSAL, UNKNOWN_METHOD
from tests.contract.conftest import new_token
from tests.service import KEY
from tests.witness import Witness

Say = Callable[..., bytes]


@pytest.fixture
def running(start_service: Any) -> Any:
    service = start_service(jwt_key=KEY, rate_limits="report")
    database = open_database(service.database_url, connections=2)
    with database.work() as work:
        account = {"username": "ada", "email": "ada@example.com", "password_hash": "-", "role": "admin"}
        work.connection.execute(users.insert(), account | {"disabled": False, "created_at": work.now})
    database.dispose()
    return service


@pytest.fixture
def say(running: Any, witness: Witness) -> Iterator[Say]:
    """Send bytes and get all that comes back until the connection ends; `leaving` ends it without waiting."""

    def say(*lines: str, body: bytes = b"", leaving: bool = False) -> bytes:
        address = urlsplit(running.url)
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
            if leaving:
                connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        if answer and answer not in {REFUSAL, UNKNOWN_METHOD}:
            see(witness, lines, body, answer)
        return answer

    yield say
    log = running.log()
    assert "Traceback" not in log
    assert "request.failed" not in log


def see(witness: Witness, lines: tuple[str, ...], body: bytes, answer: bytes) -> None:
    """Hold the one answer of a connection against the contract."""
    method, target, _ = lines[0].split(" ")
    asked = dict(line.split(": ", 1) for line in lines[1:])
    status, _, rest = answer.partition(b"\r\n")
    told, _, content = rest.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in told.decode("latin-1").split("\r\n"))
    witness.see(method, target, asked, body, int(status.split()[1]), headers, content)


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def test_what_the_server_lets_through_is_refused_and_ends_the_connection(say: Say) -> None:
    login = ("POST /login HTTP/1.1", "Host: x", "Content-Type: application/json")
    smuggled = b"0\r\n\r\nGET /me HTTP/1.1\r\nHost: x\r\n\r\n"
    for headers in (
        ("Content-Length: 6", "Transfer-Encoding: chunked"),
        ("Content-Length: 6", "Content-Length: 6"),
        ("Content-Length: 6", "Content-Length: 60"),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Host: y", "Content-Length: 0"),
        ("Authorization: Bearer a", "Authorization: Bearer b", "Content-Length: 0"),
    ):
        assert statuses(say(*login, *headers, body=smuggled)) == [400], headers


def test_chunked_is_the_only_transfer_coding(say: Say) -> None:
    request = ("GET / HTTP/1.1", "Host: x", "Connection: close")
    for coding, status in (
        ("chunked", 200),
        ("Chunked", 200),
        ("gzip, chunked", 501),
        # Where chunked is not the last, or there twice, it is 400 (RFC 9112, 6.3).
        ("gzip", 400),
        ("identity", 400),
        ("chunked, gzip", 400),
        ("chunked, chunked", 400),
    ):
        answer = say(*request, f"Transfer-Encoding: {coding}", body=b"4\r\naxes\r\n0\r\n\r\n")
        assert statuses(answer) == [status], coding


def test_a_request_with_another_transfer_coding_does_nothing(say: Say) -> None:
    admin = ("Host: x", f"Authorization: Bearer {new_token('ada')}", "Connection: close")
    for coding in ("gzip", "gzip, chunked"):
        say("POST /logout HTTP/1.1", *admin, f"Transfer-Encoding: {coding}", body=b"0\r\n\r\n")
    assert statuses(say("GET /me HTTP/1.1", *admin)) == [200]


def test_a_host_is_needed_and_has_to_be_one(say: Say) -> None:
    for host, status in (
        ((), 400),
        (("Host: a b",), 400),
        (("Host: <script>",), 400),
        (("Host: user@host",), 400),
        (("Host: a/b",), 400),
        (("Host: a@b",), 400),
        (("Host: a:b",), 400),
        (("Host: [::1",), 400),
        (("Host: a%",), 400),
        (("Host: a, b",), 400),
        (("Host: a:65536",), 400),
        (("Host: a:99999999999999999999",), 400),
        (("Host: a:" + "9" * 5_000,), 400),
        (("Host: [::1]:65536",), 400),
        (("Host: [zz]",), 400),
        (("Host: []",), 400),
        (("Host: [127.0.0.1]",), 400),
        (("Host: [::1%25eth0]",), 400),
        (("Host: [::1%eth0]",), 400),
        (("Host: [1::2::3]",), 400),
        (("Host: [v1]",), 400),
        (("Host: [v.a]",), 400),
        (("Host: [vg.a]",), 400),
        (("Host: [::1]a",), 400),
        (("Host: a:65535",), 200),
        (("Host: a:0000000080",), 200),
        (("Host: [::1]:80",), 200),
        (("Host: [2001:DB8::192.0.2.1]",), 200),
        (("Host: [v1F.a:b~!]:80",), 200),
        (("Host: a.example:",), 200),
        (("Host: %61",), 200),
        (("Host: ",), 200),
    ):
        assert statuses(say("GET / HTTP/1.1", *host, "Connection: close")) == [status], host
    assert statuses(say("GET / HTTP/1.0")) == [200]


def test_a_method_that_is_not_known_is_not_implemented(say: Say) -> None:
    close = ("Host: x", "Connection: close")
    for method, status in (
        ("BREW", 501),
        ("get", 501),
        ("GETS", 501),
        ("A" * 1000, 501),
        ("M-FROB", 501),
        # Those that the server knows and the contract does not.
        ("PROPFIND", 501),
        ("LOCK", 501),
        ("OPTIONS", 405),
        ("TRACE", 405),
        # What is no method at all.
        ("(GET)", 400),
        ("G\tT", 400),
        ("\xff", 400),
    ):
        for path in ("/me", "/nothing"):
            expected = 404 if (status, path) == (405, "/nothing") else status
            assert statuses(say(f"{method} {path} HTTP/1.1", *close)) == [expected], (method, path)


def test_versions_that_are_framed_otherwise_are_refused(say: Say) -> None:
    for version in ("HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/3.0"):
        assert statuses(say(f"GET / {version}", "Host: x")) == [400], version


def test_odd_paths_are_refused_as_they_are_below_the_server(say: Say) -> None:
    close = ("Host: x", "Connection: close", f"Authorization: Bearer {new_token('ada')}")
    for path, status in (
        ("/me", 200),
        ("/%6d%65", 200),
        ("//me", 400),
        ("/%2fme", 400),
        ("/me%0a", 400),
        ("/summary%0A", 400),
        ("/me%00", 400),
        ("/me/", 404),
        ("/a/../me", 400),
        ("/me%ff", 400),
        ("/items?q=%ff", 400),
        ("/items?q=\xff", 400),
        ("/me\xff", 400),
        ("*", 404),
        ("http://evil.example/me", 200),
    ):
        answer = say(f"GET {path} HTTP/1.1", *close)
        assert statuses(answer) == [status], (path, answer)
        assert b"evil" not in answer


def test_a_line_feed_behind_a_path_opens_nothing(say: Say) -> None:
    for path in ("/summary%0a", "/users%0a", "/items%0a", "/me%0d%0a"):
        assert statuses(say(f"GET {path} HTTP/1.1", "Host: x", "Connection: close")) == [400], path


def test_an_upload_that_breaks_off_leaves_nothing(say: Say, running: Any) -> None:
    upload = ("POST /imports?kind=items HTTP/1.1", "Host: x", f"Authorization: Bearer {new_token('ada')}")
    half = b"sku,name\n" * 100_000
    assert say(*upload, "Content-Type: text/csv", "Content-Length: 5000000", body=half, leaving=True) == b""
    # By the time that this is answered, the other is over.
    assert statuses(say("GET / HTTP/1.1", "Host: x", "Connection: close")) == [200]
    data = Path(running.environment["STOCKROOM_DATA_DIR"])
    assert [path for path in data.rglob("*") if "upload" in path.name or path.suffix == ".csv"] == []


CHUNKED = ("Host: x", "Connection: close", "Transfer-Encoding: chunked")


def test_credentials_in_a_trailer_log_nobody_in(say: Say) -> None:
    trailer = f"0\r\nAuthorization: Bearer {new_token('ada')}\r\n\r\n".encode()
    assert statuses(say("GET /me HTTP/1.1", *CHUNKED, body=trailer)) == [401]


def test_an_address_in_a_trailer_does_not_get_round_a_limit(start_service: Any) -> None:
    address = urlsplit(start_service(trusted_proxies=1).url)
    found = []
    for number in range(6):
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
            head = ["POST /login HTTP/1.1", *CHUNKED, "X-Forwarded-For: 192.0.2.1"]
            head += ["Content-Type: application/json", ""]
            trailer = f"2\r\n{{}}\r\n0\r\nX-Forwarded-For: 198.51.100.{number}\r\n\r\n"
            connection.sendall("\r\n".join([*head, trailer]).encode())
            found += statuses(b"".join(iter(lambda: connection.recv(65_536), b"")))
    assert found == [400] * 5 + [429]
