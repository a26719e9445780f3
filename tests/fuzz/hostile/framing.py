"""Attacks on where a request ends: what two readers could read in two ways (RFC 9112, 6 and 11).

Each hides a whole request in what may be a body. Its answer would give the reader away.
"""

from collections.abc import Callable
from random import Random

from tests.fuzz.hostile.attacks import Attack, Family, Header, Plain, asked, head, identified

TRANSFER_ENCODINGS = (
    b"identity", b"", b" ", b",", b"xchunked", b"chunkedx", b"chunked, identity", b"identity, chunked",
    b"gzip, chunked", b"chunked, chunked", b"gzip", b'"chunked"', b"chunked;q=1", b"chunked\x0b",
    b"\x0bchunked", b"chunked\0", b"cow", b"chun\rked", b"chunked\r\n ", b"\tchunked", b"Chunked",
    b"CHUNKED", b"chunked,", b",chunked", b"\xffchunked",
)  # fmt: skip
LENGTHS = (
    b"-1", b"+5", b"5.0", b"0x5", b"5 5", b"5,5", b"5, 5", b"5;", b'"5"', b"", b" ", b"five", b"5\0",
    b"\x0b5", b"\xb2", b"1e1", b"5_0", b"18446744073709551616", b"99999999999999999999", b"9" * 400, b"-0",
    b"0 5", b"\n5", b"5\r",
)  # fmt: skip
CHUNK_SIZES = (
    b"0x5", b"+5", b"-5", b"5 ", b" 5", b"5\t", b"", b";", b"G", b"5 5", b"5;", b"5;a", b'5;a="b',
    b"5;a=b\0c", b"5\n", b"\n", b"00000000000000005", b"FFFFFFFFFFFFFFFF", b"FFFFFFFFFFFFFFFF5",
    b"7FFFFFFFFFFFFFFF", b"100000000000000005", b"5,5", b"\xff", b"5;" + b"a" * 20_000, b"5\r", b"5\x0b",
    b"5.0", b"five", b'"5"',
)  # fmt: skip
HIDDEN = b"GET /problems/smuggled HTTP/1.1\r\nHost: stockroom.test\r\nX-Request-Id: hidden\r\n\r\n"
CHUNKED: Header = (b"Transfer-Encoding", b"chunked")


def both_framings(rng: Random, plain: Plain, id: str) -> Attack:
    """Content-Length with Transfer-Encoding: the classic of request smuggling."""
    chunks = b"0\r\n\r\n" + HIDDEN
    length: Header = (b"Content-Length", rng.choice((b"%d" % len(chunks), b"5", b"0", b"4")))
    encoding = rng.choice((CHUNKED, (b"transfer-encoding", b"Chunked"), (b"Transfer-Encoding", b"identity")))
    pair = rng.choice(((length, encoding), (encoding, length), (length, length, encoding)))
    return _refused("both framings", plain, id, pair, chunks)


def two_lengths(rng: Random, plain: Plain, id: str) -> Attack:
    body = b"12345" + HIDDEN
    values = rng.choice(
        ((b"5", b"%d" % len(body)), (b"%d" % len(body), b"5"), (b"5", b"5"), (b"0", b"5"), (b"5", b"x"))
    )
    return _refused("two lengths", plain, id, tuple((b"Content-Length", value) for value in values), body)


def odd_length(rng: Random, plain: Plain, id: str) -> Attack:
    return _refused("odd length", plain, id, ((b"Content-Length", rng.choice(LENGTHS)),), b"12345" + HIDDEN)


def odd_transfer_encoding(rng: Random, plain: Plain, id: str) -> Attack:
    value = rng.choice(TRANSFER_ENCODINGS)
    encodings: tuple[Header, ...] = ((b"Transfer-Encoding", value),)
    if rng.random() < 0.3:
        encodings = rng.choice(((CHUNKED, *encodings), (*encodings, CHUNKED)))
    return _open("odd transfer encoding", plain, id, encodings, b"0\r\n\r\n")


def odd_chunks(rng: Random, plain: Plain, id: str) -> Attack:
    size = rng.choice(CHUNK_SIZES)
    bodies: tuple[Callable[[], bytes], ...] = (
        lambda: size + b"\r\n12345\r\n0\r\n\r\n",
        lambda: b"5\r\n12345\r\n" + size + b"\r\n\r\n",
        lambda: b"5\r\n12345X0\r\n\r\n",
        lambda: b"5\r\n123456\r\n0\r\n\r\n",
        lambda: b"5\n12345\n0\n\n",
        lambda: b"5\r12345\r0\r\r",
        lambda: b"5\r\n12345\r\n0\r\nX-Trailer: a\r\nContent-Length: 5\r\n\r\n",
        lambda: b"5\r\n12345\r\n0\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n\r\n",
        lambda: b"5\r\n12345\r\n0\r\nX-Trailer : a\r\n b\r\n\r\n",
        lambda: b"5\r\n12345\r\n0\r\n" + b"X-A: " + b"a" * 80_000 + b"\r\n\r\n",
        lambda: b"1\r\na\r\n" * 3_000 + b"0\r\n\r\n",
        lambda: b"1;" + b"a" * 60 + b"\r\na\r\n" + b"0;b\r\n\r\n",
    )
    return _open("odd chunks", plain, id, (CHUNKED,), rng.choice(bodies)())


def sound_chunks(rng: Random, plain: Plain, id: str) -> Attack:
    """A body in good order that holds a request: nobody may answer that."""
    body = plain.body + rng.choice((b"", HIDDEN))
    cuts = sorted(rng.randrange(len(body) + 1) for _ in range(4))
    parts = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"
    headers = (*identified(plain, id), CHUNKED)
    raw = head(plain.method, plain.target, headers) + chunks
    return Attack("sound chunks", (raw,), (asked(plain, id),))


def hidden_in_body(rng: Random, plain: Plain, id: str) -> Attack:
    body = rng.choice((HIDDEN, plain.body + HIDDEN, b"\r\n\r\n" + HIDDEN, b"0\r\n\r\n" + HIDDEN))
    headers = (*identified(plain, id), (b"Content-Length", b"%d" % len(body)))
    raw = head(plain.method, plain.target, headers) + body
    return Attack("hidden in body", (raw,), (asked(plain, id),))


def surplus(rng: Random, plain: Plain, id: str) -> Attack:
    """More than the length says: what is beyond is no request."""
    extra = rng.choice((b"x", b"}", b"\0", b"12345", b"\r\nx\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"A" * 70_000))
    headers = (*identified(plain, id), (b"Content-Length", b"%d" % len(plain.body)))
    raw = head(plain.method, plain.target, headers) + plain.body + extra
    return Attack("surplus", (raw + b"\r\n\r\n",), (asked(plain, id),))


FAMILIES: tuple[Family, ...] = (
    both_framings,
    two_lengths,
    odd_length,
    odd_transfer_encoding,
    odd_chunks,
    sound_chunks,
    hidden_in_body,
    surplus,
)


def _refused(family: str, plain: Plain, id: str, framing: tuple[Header, ...], rest: bytes) -> Attack:
    raw = head(plain.method, plain.target, (*identified(plain, id), *framing)) + rest
    return Attack(family, (raw,), (asked(plain, id),), refused=True)


def _open(family: str, plain: Plain, id: str, framing: tuple[Header, ...], rest: bytes) -> Attack:
    """Taken for a sound request or refused, as the service likes."""
    raw = head(plain.method, plain.target, (*identified(plain, id), *framing)) + rest
    return Attack(family, (raw,), (asked(plain, id),), finished=False)
