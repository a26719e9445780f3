"""Clients that are too slow, or too many, are let go: they hold no connection, memory or answer for ever."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from stockroom.process.patience import Bounds, Pace, Watch
from stockroom.process.protocol import TOO_MANY, TOO_SLOW
from tests.listening import Serve, received, statuses
from tests.process.test_server import CHUNKED, LAST, REQUEST, Receive, Send, body_of, echo, live

BOUNDS = Bounds(seconds=10, bytes_per_second=100)
# Seconds that a test can wait for, and that it needs at no place itself on a machine that does much else.
SHORT = Bounds(seconds=1, bytes_per_second=1)


# The time that is left


def test_who_sends_nothing_has_the_seconds_and_no_more() -> None:
    pace = Pace(BOUNDS)
    assert [pace.is_over(now, "body", 0) for now in (1000, 1009.9, 1010)] == [False, False, True]


def test_who_is_fast_enough_has_all_the_time_that_it_takes() -> None:
    pace = Pace(BOUNDS)
    assert not any(pace.is_over(now, "body", 100 * now) for now in range(10_000))


def test_who_trickles_is_ended_all_the_same() -> None:
    pace = Pace(BOUNDS)
    ended = next(now for now in range(10_000) if pace.is_over(now, "body", 50 * now))
    assert ended == 20


def test_who_was_fast_before_may_stand_still_no_longer_than_others() -> None:
    pace = Pace(BOUNDS)
    assert [pace.is_over(now, "body", 1_000_000) for now in (0, 9.9, 10)] == [False, False, True]
    pace = Pace(BOUNDS)
    pace.is_over(0, "body", 0)
    assert [pace.is_over(now, "body", 1_000_000) for now in (1, 10.9, 11)] == [False, False, True]


def test_what_comes_next_has_time_of_its_own_and_nothing_takes_none() -> None:
    pace = Pace(BOUNDS)
    looks = [(0, "head"), (9, "body"), (18, None), (9_999, None), (10_000, "head"), (10_009, "head")]
    assert not any(pace.is_over(now, what, 0) for now, what in looks)


# On the wire


@pytest.fixture
def open_connection() -> Iterator[Any]:
    with ExitStack() as stack:
        yield lambda address: stack.enter_context(socket.create_connection(address, timeout=20))


@pytest.mark.parametrize(
    ("before", "start"),
    [
        (b"", b"G"),
        (b"", REQUEST[:-2]),
        (REQUEST, b"G"),
        (REQUEST, CHUNKED),
        (b"", CHUNKED + b"1\r\nx\r\n0\r\n"),
    ],
)
def test_a_request_that_stands_still_is_refused(
    before: bytes, start: bytes, serve_raw: Serve, open_connection: Any
) -> None:
    connection = open_connection(serve_raw(echo, Watch(SHORT)))
    connection.sendall(before)
    answers = connection.recv(65_536) if before else b""
    connection.sendall(start)
    answers += received(connection)
    assert answers.endswith(TOO_SLOW)
    assert statuses(answers) == ([200] if before else []) + [408]


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nX-A: ", CHUNKED[:-2] + b"X-A: b\r\n\r\nffff\r\n"])
def test_a_request_that_trickles_is_refused(start: bytes, serve_raw: Serve, open_connection: Any) -> None:
    bounds = Bounds(seconds=0.4, bytes_per_second=1_000)
    connection = open_connection(serve_raw(echo, Watch(bounds)))
    connection.sendall(start)
    ended = threading.Event()

    def trickle() -> None:
        with suppress(OSError):
            while not ended.wait(0.05):
                connection.sendall(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        assert received(connection) == TOO_SLOW
    finally:
        ended.set()
        thread.join()


def test_who_connects_and_says_nothing_is_not_answered(serve_raw: Serve, open_connection: Any) -> None:
    assert received(open_connection(serve_raw(echo, Watch(SHORT)))) == b""


def test_half_heads_and_endless_bodies_leave_nothing_open(serve_raw: Serve, open_connection: Any) -> None:
    address = serve_raw(echo, Watch(SHORT))
    connections = []
    for number in range(200):
        connections.append(connection := open_connection(address))
        connection.sendall(CHUNKED + b"ffff\r\n" + bytes(60_000) if number % 2 else REQUEST[:-2])
    assert {received(connection) for connection in connections} == {TOO_SLOW}


def test_an_answer_that_nobody_takes_ends_with_its_connection(serve_raw: Serve, open_connection: Any) -> None:
    ended = threading.Event()

    async def endless(scope: Any, receive: Receive, send: Send) -> None:
        if await live(scope, receive, send):
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        left = asyncio.ensure_future(gone(receive))
        while not left.done():
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})
            await asyncio.sleep(0)
        ended.set()

    async def gone(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    connection = open_connection(serve_raw(endless, Watch(SHORT)))
    connection.sendall(REQUEST)
    assert ended.wait(20)


def test_the_last_bytes_of_an_answer_are_not_kept_for_ever(serve_raw: Serve, open_connection: Any) -> None:
    """The application has ended by then, and the server has only to send."""

    async def large(scope: Any, receive: Receive, send: Send) -> None:
        if not await live(scope, receive, send):
            size = (b"content-length", b"100000000")
            await send({"type": "http.response.start", "status": 200, "headers": [size]})
            await send({"type": "http.response.body", "body": bytes(100_000_000)})

    connection = open_connection(serve_raw(large, Watch(SHORT)))
    connection.sendall(REQUEST[:-2] + b"Connection: close\r\n\r\n")
    # Once the server has let it go, no more comes than the system has taken.
    size = 0
    with suppress(ConnectionError):
        threading.Event().wait(4 * SHORT.seconds)
        size = len(received(connection))
    assert size < 100_000_000


async def have_ages_passed(watch: Watch) -> None:
    """Have all connections looked at, minutes apart."""
    now = asyncio.get_running_loop().time()
    for minute in range(3):
        watch.look_at_all(now + 60 * minute)


def test_a_client_does_not_pay_for_an_application_that_is_slow(
    serve_raw: Serve, open_connection: Any
) -> None:
    watch = Watch(Bounds())

    async def slow(scope: Any, receive: Receive, send: Send) -> None:
        if await live(scope, receive, send):
            return
        [connection] = watch._open
        while scope["method"] == "POST" and connection._stream.is_reading:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
        await have_ages_passed(watch)
        size = b"%d" % len(await body_of(receive))
        await have_ages_passed(watch)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-size", size)]})
        await send({"type": "http.response.body"})

    connection = open_connection(serve_raw(slow, watch))
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
    sending = threading.Thread(target=connection.sendall, args=(head + bytes(10_000_000) + LAST,))
    sending.start()
    assert re.findall(rb"x-size: (\d+)", received(connection)) == [b"10000000", b"0"]
    sending.join()


def test_a_connection_that_rests_between_requests_is_kept(serve_raw: Serve, open_connection: Any) -> None:
    watch = Watch(Bounds())

    async def patient(scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await have_ages_passed(watch)
        await echo(scope, receive, send)

    address = serve_raw(patient, watch)
    resting = open_connection(address)
    for turn in range(3):
        connection = resting if turn != 1 else open_connection(address)
        connection.sendall(REQUEST)
        assert statuses(connection.recv(65_536)) == [200]


def test_one_connection_too_many_is_refused_until_another_has_ended(
    serve_raw: Serve, open_connection: Any
) -> None:
    address = serve_raw(echo, Watch(Bounds(connections=2)))
    first, second = open_connection(address), open_connection(address)
    for connection in (first, second):
        connection.sendall(REQUEST)
        assert statuses(connection.recv(65_536)) == [200]
    assert received(open_connection(address)) == TOO_MANY
    second.close()
    assert statuses(admitted(address, LAST)) == [200]


@dataclass(eq=False)
class Looked:
    """A connection that is never too slow."""

    def look(self, now: float) -> None: ...


async def admissions(bounds: Bounds, clients: list[str]) -> list[bool]:
    watch = Watch(bounds)
    return [watch.admits(Looked(), client) for client in clients]


@pytest.mark.parametrize(
    ("bounds", "clients", "are_admitted"),
    [
        # One that has its share leaves the rest to others.
        (Bounds(connections=4, of_one_network=2), ["a", "a", "a", "b", "b", "c"], [1, 1, 0, 1, 1, 0]),
        (Bounds(connections=4), ["a", "a", "a", "a", "b"], [1, 1, 1, 1, 0]),
        # A customer has all addresses of a /64.
        (
            Bounds(connections=4, of_one_network=1),
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"],
            [1, 0, 1],
        ),
        # On a Unix socket nobody has an address.
        (Bounds(connections=4, of_one_network=1), ["", "", ""], [1, 1, 1]),
    ],
)
def test_one_network_takes_no_more_than_its_share(
    bounds: Bounds, clients: list[str], are_admitted: list[int]
) -> None:
    assert asyncio.run(admissions(bounds, clients)) == [bool(admitted) for admitted in are_admitted]


def test_a_share_is_given_back_with_each_connection() -> None:
    async def admitted_again() -> bool:
        watch = Watch(Bounds(connections=4, of_one_network=1))
        first, refused = Looked(), Looked()
        assert watch.admits(first, "a")
        assert not watch.admits(refused, "a")
        watch.forget(refused)
        assert not watch.admits(Looked(), "a")
        watch.forget(first)
        watch.forget(first)
        return watch.admits(Looked(), "a") and not watch.admits(Looked(), "a")

    assert asyncio.run(admitted_again())


@pytest.mark.parametrize(("proxies", "admitted_at_once"), [(0, 2), (1, 4)])
def test_one_address_has_half_of_the_connections_unless_it_is_a_proxy(
    proxies: int, admitted_at_once: int, start_service: Any, open_connection: Any
) -> None:
    url = urlsplit(start_service(client_connections=4, trusted_proxies=proxies).url)
    address = (url.hostname, url.port)
    # Those of the tests, which are ending.
    assert statuses(admitted(address, LAST)) == [404]
    taken = 0
    while taken < admitted_at_once:
        connection = open_connection(address)
        connection.sendall(REQUEST)
        taken += statuses(connection.recv(65_536)) == [200]
    assert received(open_connection(address)) == TOO_MANY


def admitted(address: Any, request: bytes) -> bytes:
    """The answer, once the server knows that other connections have ended, which takes it some time."""
    answer = TOO_MANY
    while answer == TOO_MANY:
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(request)
            answer = received(connection)
    return answer


def test_the_settings_say_how_slow_and_how_many_clients_may_be(
    start_service: Any, open_connection: Any
) -> None:
    url = urlsplit(start_service(client_seconds=1, client_connections=1).url)
    address = (url.hostname, url.port)
    assert admitted(address, REQUEST[:-2]) == TOO_SLOW
    first = open_connection(address)
    first.sendall(REQUEST)
    while statuses(first.recv(65_536)) != [200]:
        first = open_connection(address)
        first.sendall(REQUEST)
    assert received(open_connection(address)) == TOO_MANY
