"""The HTTP server keeps to the letter of HTTP/1.1 where what it is made of would not."""

import asyncio
import select
import socket
import struct
import threading
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import orjson
import pytest

from stockroom.process.protocol import LONGEST_HEAD, REFUSAL, UNKNOWN_METHOD
from tests.listening import Connect, received, statuses

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
MEBIBYTE = 1_048_576
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


async def live(scope: Any, receive: Receive, send: Send) -> bool:
    """Take part in the lifespan; whether this was it."""
    if scope["type"] != "lifespan":
        return False
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
    return True


async def body_of(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        body += message.get("body", b"")
    return body


async def echo(scope: Any, receive: Receive, send: Send) -> None:
    """Answer with what was asked."""
    if await live(scope, receive, send):
        return
    body = await body_of(receive)
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    said = orjson.dumps({"path": scope["path"], "headers": headers, "body": body.decode("latin-1")})
    size = (b"content-length", b"%d" % len(said))
    await send({"type": "http.response.start", "status": 200, "headers": [size]})
    await send({"type": "http.response.body", "body": said})


async def deaf(scope: Any, receive: Receive, send: Send) -> None:
    """Answer without a look at the body."""
    if not await live(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})


@pytest.fixture
def connection(connect: Connect) -> socket.socket:
    return connect(echo)


def said(answers: bytes) -> list[Any]:
    """The bodies of answers of `echo`."""
    heads = answers.split(b"HTTP/1.1 200 OK\r\n")[1:]
    return [orjson.loads(answer.partition(b"\r\n\r\n")[2]) for answer in heads]


def receive_some(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    assert received, "the connection has ended"
    return received


def test_trailer_fields_are_no_headers(connection: socket.socket) -> None:
    trailers = b"Authorization: Bearer a\r\nX-Forwarded-For: 192.0.2.9\r\nHost: y\r\n\r\n"
    connection.sendall(CHUNKED + b"4\r\naxes\r\n0\r\n" + trailers + LAST)
    first, last = said(received(connection))
    assert first == {"path": "/", "headers": {"host": "x", "transfer-encoding": "chunked"}, "body": "axes"}
    assert last["path"] == "/last"


ENDLESS = [
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"a" * 65_536, id="value"),
    pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n" * 8_192, id="headers"),
    pytest.param(b"GET /", b"a" * 65_536, id="target"),
    pytest.param(CHUNKED + b"4\r\naxes\r\n0\r\nX-A: ", b"a" * 65_536, id="trailer"),
    pytest.param(CHUNKED + b"4\r\naxes\r\n0\r\n", b"X-A: b\r\n" * 8_192, id="trailers"),
    pytest.param(CHUNKED + b"4\r\naxes\r\n4;", b"a" * 65_536, id="extension"),
]


@pytest.mark.parametrize(("start", "more"), ENDLESS)
def test_a_head_or_trailer_without_end_is_refused_before_it_fills_memory(
    connection: socket.socket, start: bytes, more: bytes
) -> None:
    connection.sendall(start)
    # Two reads of a loop more than what is allowed; what comes then is thrown away.
    for _ in range((LONGEST_HEAD + 2 * 262_144) // len(more) + 1):
        connection.sendall(more)
    assert received(connection) == REFUSAL


def test_trailers_of_200_mebibytes_are_refused_at_once_and_take_no_memory(connection: socket.socket) -> None:
    piece, pieces = b"X-A: b\r\n" * (MEBIBYTE // 8), 200
    connection.sendall(CHUNKED + b"4\r\naxes\r\n0\r\n")
    tracemalloc.start()
    try:
        with suppress(ConnectionError):
            while pieces and not select.select([connection], [], [], 0)[0]:
                connection.sendall(piece)
                pieces -= 1
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert connection.recv(len(REFUSAL)) == REFUSAL
    assert pieces > 100
    assert peak < 8 * MEBIBYTE


BREW = b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        pytest.param(BREW, UNKNOWN_METHOD, id="a method"),
        pytest.param(BREW[:3], UNKNOWN_METHOD, id="the beginning of a method"),
        pytest.param(b"\r\n" + BREW, UNKNOWN_METHOD, id="a method behind an empty line"),
        pytest.param(b"GET(/ HTTP/1.1\r\n\r\n", REFUSAL, id="no method"),
        pytest.param(b"EHLO\r\n", REFUSAL, id="a line of another protocol"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", REFUSAL, id="TLS"),
        pytest.param(b'{"a": 1}\r\n\r\n', REFUSAL, id="a body without its head"),
    ],
)
def test_a_method_that_is_not_known_is_told_from_what_is_none(
    connection: socket.socket, sent: bytes, refusal: bytes
) -> None:
    connection.sendall(sent)
    assert received(connection) == refusal


def test_a_method_that_is_not_known_ends_a_connection_after_its_answers(connection: socket.socket) -> None:
    connection.sendall(REQUEST)
    first = receive_some(connection)
    connection.sendall(BREW)
    answers = first + received(connection)
    assert statuses(answers) == [200, 501]
    assert answers.endswith(UNKNOWN_METHOD)


def test_a_method_that_is_not_known_in_the_midst_of_what_is_read_is_no_request(
    connection: socket.socket,
) -> None:
    connection.sendall(2 * REQUEST + BREW)
    answers = received(connection)
    assert statuses(answers) == [200, 200, 400]
    assert answers.endswith(REFUSAL)


def test_long_bodies_and_many_requests_are_no_long_heads(connection: socket.socket) -> None:
    size = 2 * LONGEST_HEAD
    long = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    tiny = CHUNKED + b"1;a=b\r\nx\r\n" * LONGEST_HEAD + b"0\r\n\r\n"
    connection.sendall(long + tiny + long + LAST)
    assert [len(answer["body"]) for answer in said(received(connection))] == [size, LONGEST_HEAD, size, 0]


@pytest.fixture
def send_all() -> Iterator[Callable[[socket.socket, bytes], None]]:
    """Send while the test reads, as neither side has room for everything."""
    with ThreadPoolExecutor() as threads:

        def send_all(connection: socket.socket, data: bytes) -> None:
            threads.submit(connection.sendall, data)

        yield send_all


def test_pipelined_requests_are_all_answered_in_order_wherever_reads_end(
    connection: socket.socket, send_all: Callable[[socket.socket, bytes], None]
) -> None:
    paths = [f"/{number}" for number in range(8_000)]
    requests = b"".join(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path.encode() for path in paths)
    # What comes last has an end later: a read may be full, and end within a head.
    send_all(connection, requests + LAST[:20])
    answers = b""
    while answers.count(b"HTTP/1.1 200") < len(paths) or not answers.endswith(b"}"):
        answers += receive_some(connection)
    connection.sendall(LAST[20:])
    answers += received(connection)
    assert [answer["path"] for answer in said(answers)] == [*paths, "/last"]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\0\0\0", id="no text"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nno header\r\n", id="line"),
        pytest.param(b"GET / HTTP/2.5\r\nHost: x\r\n\r\n", id="version"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n", id="folded line"),
        pytest.param(b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", id="tunnel"),
        pytest.param(b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", id="target"),
        pytest.param(CHUNKED + b"xyz\r\n", id="chunk"),
        pytest.param(b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", id="no chunks"),
        pytest.param(CHUNKED[:-2] + b"Content-Length: 4\r\n\r\n", id="length and chunks"),
        pytest.param(
            b"GET / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\naxes", id="two lengths"
        ),
    ],
)
@pytest.mark.parametrize("before", [0, 2])
def test_what_is_no_request_is_refused_after_the_answers_to_what_came_before_it(
    connection: socket.socket, garbage: bytes, before: int
) -> None:
    connection.sendall(before * REQUEST + garbage)
    answers = received(connection)
    assert answers.endswith(REFUSAL)
    assert statuses(answers) == before * [200] + [400]


async def slow_to_end(scope: Any, receive: Receive, send: Send) -> None:
    """Begin to answer when a body begins, and end it when that has ended, if it does."""
    if await live(scope, receive, send):
        return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"ax", "more_body": True})
    if (await receive())["type"] == "http.request":
        await send({"type": "http.response.body", "body": b"es"})


def test_a_refusal_does_not_get_into_an_answer(connect: Connect) -> None:
    connection = connect(slow_to_end)
    connection.sendall(CHUNKED + b"4\r\naxes\r\n")
    answer = b""
    while not answer.endswith(b"\r\n\r\nax"):
        answer += receive_some(connection)
    connection.sendall(b"xyz\r\n")
    assert received(connection) == b""


def test_whoever_stops_sending_gets_the_answers_all_the_same(connection: socket.socket) -> None:
    connection.sendall(2 * REQUEST + LAST[:20])
    connection.shutdown(socket.SHUT_WR)
    assert statuses(received(connection)) == [200, 200]


def test_whoever_leaves_within_a_body_is_not_waited_for(connect: Connect) -> None:
    left = threading.Event()

    async def note(scope: Any, receive: Receive, send: Send) -> None:
        if not await live(scope, receive, send):
            while (await receive())["type"] != "http.disconnect":
                pass
            left.set()

    connection = connect(note)
    connection.sendall(CHUNKED + b"4\r\naxes\r\n")
    connection.shutdown(socket.SHUT_WR)
    assert received(connection) == b""
    assert left.wait(20)


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket"])
def test_an_upgrade_is_ignored_and_takes_no_body_away(
    connection: socket.socket, protocol: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: %b\r\nContent-Length: 4\r\n\r\naxes" % protocol
    connection.sendall(200 * (b"POST /tools HTTP/1.1\r\nHost: x\r\n" + upgrade) + LAST)
    *answers, last = said(received(connection))
    assert [(answer["path"], answer["body"]) for answer in answers] == 200 * [("/tools", "axes")]
    assert last["path"] == "/last"
    assert not caplog.records


@pytest.mark.parametrize(
    "head",
    [
        b"POST /tools HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\n",
        b"POST /tools HTTP/1.0\r\nConnection: Upgrade\r\n",
    ],
)
def test_an_upgrade_on_a_connection_that_is_to_end_is_answered(
    connection: socket.socket, head: bytes
) -> None:
    connection.sendall(head + b"Upgrade: h2c\r\nContent-Length: 4\r\n\r\naxes")
    (answer,) = said(received(connection))
    assert (answer["path"], answer["body"]) == ("/tools", "axes")


def test_what_comes_behind_an_upgrade_is_no_request_of_its_own(connection: socket.socket) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n"
    connection.sendall(head % len(REQUEST))
    connection.sendall(REQUEST + LAST)
    assert [answer["body"].encode() for answer in said(received(connection))] == [REQUEST, b""]


def test_an_answer_is_not_lost_on_a_client_that_still_sends(connect: Connect) -> None:
    connection = connect(deaf)
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10000000\r\n\r\n")
    for _ in range(100):
        connection.sendall(bytes(100_000))
    assert statuses(received(connection)) == [200]


def test_a_client_that_is_gone_when_its_answer_ends_is_no_fault(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    gone, done = threading.Event(), threading.Event()

    async def patient(scope: Any, receive: Receive, send: Send) -> None:
        if await live(scope, receive, send):
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"axes", "more_body": True})
        await asyncio.to_thread(gone.wait, 20)
        await send({"type": "http.response.body"})
        done.set()

    connection = connect(patient)
    connection.sendall(REQUEST)
    connection.shutdown(socket.SHUT_WR)
    answer = b""
    while not answer.endswith(b"axes"):
        answer += receive_some(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    gone.set()
    assert done.wait(20)
    assert not caplog.records


@pytest.mark.parametrize("value", [b"/a\r\nset-cookie: b=c", b"/a\nb", b"/a\0b", b"/a\x7f"])
def test_a_header_with_a_control_character_is_not_sent(
    connect: Connect, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def careless(scope: Any, receive: Receive, send: Send) -> None:
        if not await live(scope, receive, send):
            await send({"type": "http.response.start", "status": 201, "headers": [(b"location", value)]})

    connection = connect(careless)
    connection.sendall(REQUEST)
    assert received(connection) == b""
    assert [record.levelname for record in caplog.records] == ["ERROR"]
