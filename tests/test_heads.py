"""Heads of answers: framed as the answer is, and never more headers than the application gave."""

import http.client
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from stockroom.protocol import StrictProtocol

ANSWERS: dict[str, tuple[int, list[tuple[bytes, bytes]], list[bytes]]] = {
    "/sized": (200, [(b"content-length", b"4")], [b"axes"]),
    "/pieces": (200, [(b"content-length", b"8")], [b"axes", b"saws"]),
    "/unsized": (200, [], [b"axes", b"saws"]),
    "/known": (304, [(b"etag", b'"v1"')], [b""]),
    "/last": (200, [(b"content-length", b"4"), (b"connection", b"close")], [b"axes"]),
    "/odd": (200, [(b"content-length", b"0"), (b"location", b"/a\r\nset-cookie: b=c")], [b""]),
}


async def answer(scope: Any, receive: Any, send: Any) -> None:
    status, headers, pieces = ANSWERS[scope["path"]]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    for place, piece in enumerate(pieces, 1):
        await send({"type": "http.response.body", "body": piece, "more_body": place < len(pieces)})


@pytest.fixture
def client() -> Iterator[http.client.HTTPConnection]:
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        answer, interface="asgi3", http=StrictProtocol, ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    opened = http.client.HTTPConnection(*listener.getsockname(), timeout=10)
    yield opened
    opened.close()
    server.should_exit = True
    thread.join()
    listener.close()


def asked(client: http.client.HTTPConnection, method: str, path: str) -> tuple[Any, bytes]:
    client.request(method, path)
    response = client.getresponse()
    return response, response.read()


@pytest.mark.parametrize(
    ("path", "framing"),
    [("/sized", "content-length"), ("/pieces", "content-length"), ("/unsized", "transfer-encoding")],
)
def test_a_body_is_framed_by_its_length_or_in_chunks(
    client: http.client.HTTPConnection, path: str, framing: str
) -> None:
    whole = b"".join(ANSWERS[path][2])
    for _ in range(2):
        response, body = asked(client, "GET", path)
        assert body == whole
        assert {"content-length", "transfer-encoding"} & {n.lower() for n in response.headers} == {framing}
        assert "connection" not in response.headers


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/sized"), ("HEAD", "/unsized"), ("GET", "/known")])
def test_an_answer_without_a_body_ends_with_its_head(
    client: http.client.HTTPConnection, method: str, path: str
) -> None:
    for _ in range(2):
        response, body = asked(client, method, path)
        assert (response.status, body) == (ANSWERS[path][0], b"")
        assert "transfer-encoding" not in response.headers


def test_the_last_answer_says_so(client: http.client.HTTPConnection) -> None:
    response, body = asked(client, "GET", "/last")
    assert (response.headers.get_all("connection"), body) == (["close"], b"axes")


def test_a_client_that_will_send_no_more_is_told_that_this_was_all(
    client: http.client.HTTPConnection,
) -> None:
    client.request("GET", "/sized", headers={"Connection": "close"})
    response = client.getresponse()
    assert (response.headers.get_all("connection"), response.read()) == (["close"], b"axes")


def test_a_value_that_would_be_a_header_of_its_own_is_a_fault(client: http.client.HTTPConnection) -> None:
    response, _ = asked(client, "GET", "/odd")
    assert response.status == 500
    assert "set-cookie" not in response.headers
    assert asked(client, "GET", "/sized")[1] == b"axes"
