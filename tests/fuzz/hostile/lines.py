"""Attacks on what makes a request a request: its first line, and the lines of its headers."""

from random import Random

from tests.fuzz.hostile.attacks import Attack, Family, Plain, asked, head, identified, with_length

METHODS = (
    b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND",
    b"SEARCH", b"QUERY", b"LINK", b"PURGE", b"M-SEARCH", b"SUBSCRIBE", b"REPORT", b"LOCK", b"ACL", b"PRI",
    b"DESCRIBE", b"SETUP", b"get", b"Get", b"GETS", b"GE", b"FROB", b"A" * 1_000, b"A" * 70_000, b"G\0T",
    b"G\tT", b"(GET)", b"\xff", b"GET\x0b",
)  # fmt: skip
VERSIONS = (
    b"HTTP/1.0", b"HTTP/1.1 ", b"HTTP/1.2", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/2",
    b"HTTP/3.0", b"HTTP/9.9", b"http/1.1", b"HTTP/1,1", b"HTTP 1.1", b"HTTPS/1.1", b"HTTP/", b"HTTP",
    b"RTSP/1.0", b"ICE/1.0", b"x", b"", b"HTTP/1.1\0", b"HTTP/1.1 HTTP/1.1", b"HTTP/1." + b"1" * 1_000,
)  # fmt: skip
# Other protocols, and what is none.
STRANGERS = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 300, b"SSH-2.0-OpenSSH_9.6\r\n",
    b"EHLO x\r\n", b"*1\r\n$4\r\nPING\r\n", b"\0" * 100, b"\xff" * 100, b"GET /\r\n\r\n", b"GET\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1\r\n\r\n", b"{}\r\n\r\n",
    b"\x05\x01\x00" * 9, b"GET / HTTP/1.1 GET / HTTP/1.1\r\n\r\n", b"<?xml version='1.0'?>\r\n",
    b"\r\n\r\n\r\nquit\r\n\r\n",
)  # fmt: skip
BROKEN_LINES = (
    b"X-A : b", b" X-A: b", b"X-A", b": b", b"X A: b", b"X-A\t: b", b"X-A: b\r\n c", b"X-A: b\r\n\tc",
    b"X-A: b\0c", b"X-A: b\rc", b"X-A: b\nX-B: c", b"X-A: b\x0bc", b"X-A\0: b", b"X-\xffA: b", b"X-A(b): c",
    b"X-A: b\x7f", b"\0", b"\xff", b"X-A: b\n", b"\r", b"X-A:", b"X-A:\t\t b \t", b"X[A]: b", b'"X-A": b',
    b"GET / HTTP/1.1", b"X-A; b", b"X-A= b", b"X_A: b", b"\n", b"X-A:b\r\n\r", b"Content-Length : 0",
    b"Transfer-Encoding : chunked", b"Content_Length: 9", b"Content-Length\0: 9",
)  # fmt: skip


def method(rng: Random, plain: Plain, id: str) -> Attack:
    name = rng.choice(METHODS)
    raw = head(name, plain.target, with_length(identified(plain, id), plain.body)) + plain.body
    return Attack("method", (raw,), (asked(plain, id, method=name),))


def version(rng: Random, plain: Plain, id: str) -> Attack:
    raw = head(
        plain.method, plain.target, with_length(identified(plain, id), plain.body), rng.choice(VERSIONS)
    )
    return Attack("version", (raw + plain.body,), (asked(plain, id),))


def first_line(rng: Random, plain: Plain, id: str) -> Attack:
    sound, rest = head(plain.method, plain.target, with_length(identified(plain, id), plain.body)).split(
        b"\r\n", 1
    )
    ends = (b"\n", b"\r", b"\r\r\n", b"\n\r", b" \r\n", b"\0\r\n", b"\r\n ")
    lines = (
        b"\r\n" + sound, b"\n" + sound, b"\r\n" * 50 + sound, b" " + sound, b"\t" + sound, b"\0" + sound,
        b"x\r\n" + sound, sound.replace(b" ", b"  "), sound.replace(b" ", b"\t"),
        sound.replace(b" ", b"\x0b"), sound.replace(b" ", b""), sound.replace(b" HTTP", b"\0 HTTP"),
        sound.replace(b" HTTP", b" a HTTP"), sound.replace(b" HTTP", b"\xff HTTP"),
    )  # fmt: skip
    first = sound + rng.choice(ends) if rng.random() < 0.3 else rng.choice(lines) + b"\r\n"
    return Attack("first line", (first + rest + plain.body,), (asked(plain, id),))


def header_line(rng: Random, plain: Plain, id: str) -> Attack:
    raw = head(plain.method, plain.target, with_length(identified(plain, id), plain.body))
    first, rest = raw.split(b"\r\n", 1)
    broken = rng.choice(BROKEN_LINES) + b"\r\n"
    lines = first + b"\r\n" + broken + rest if rng.random() < 0.5 else raw[:-2] + broken + b"\r\n"
    return Attack("header line", (lines + plain.body,), (asked(plain, id),))


def line_ends(rng: Random, plain: Plain, id: str) -> Attack:
    raw = head(plain.method, plain.target, with_length(identified(plain, id), plain.body))
    end = rng.choice((b"\n", b"\r", b"\r\r\n", b"\n\r\n"))
    count = rng.choice((1, -1))
    return Attack("line ends", (raw.replace(b"\r\n", end, count) + plain.body,), (asked(plain, id),))


def stranger(rng: Random, plain: Plain, id: str) -> Attack:
    raw = rng.choice(STRANGERS)
    if rng.random() < 0.2:
        raw = rng.randbytes(rng.randrange(1, 400)) + b"\r\n\r\n"
    return Attack("stranger", (raw,), (), finished=b"\r\n\r\n" in raw and raw.strip() != b"")


FAMILIES: tuple[Family, ...] = (method, version, first_line, header_line, line_ends, stranger)
