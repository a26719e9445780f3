"""Attacks in headers that read as headers: what they say, how long they are, how many."""

from dataclasses import replace
from random import Random

from tests.fuzz.hostile.attacks import Attack, Family, Header, Plain, one
from tests.fuzz.hostile.values import NUMBERS, STRINGS

# Names that somebody between client and service might obey.
OBEYED = (
    b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Proto", b"X-Forwarded-Prefix", b"Forwarded",
    b"X-Real-IP", b"X-Original-URL", b"X-Rewrite-URL", b"X-HTTP-Method-Override", b"X-Request-ID-2",
    b"X-Script-Name", b"Via", b"Traceparent", b"Tracestate", b"Cookie", b"Origin", b"Referer",
    b"User-Agent", b"From", b"Date", b"TE", b"Trailer", b"Max-Forwards", b"Proxy-Authorization",
    b"Proxy-Connection", b"Keep-Alive", b"HTTP2-Settings", b"Pragma", b"Cache-Control", b"Range",
    b"If-Range", b"If-Modified-Since", b"If-Unmodified-Since", b"Accept", b"Accept-Charset",
    b"Accept-Encoding", b"Accept-Language", b"Content-Length-2", b"Content-MD5", b"Content-Range",
    b"Content-Location", b"Sec-WebSocket-Key", b"Access-Control-Request-Method", b"Early-Data",
    b"Idempotency-Key", b"If-Match", b"If-None-Match", b"X-API-Key", b"Authorization",
)  # fmt: skip
SAID = (
    b"", b"*", b"*/*", b",", b",,,,", b";q=", b"a;q=2", b"bytes=0-", b"bytes=-1,-2,-3", b"bytes=9-1",
    b"127.0.0.1", b"127.0.0.1, ::1, unknown", b'for="[::1]";host=evil', b"https", b"/admin", b"DELETE",
    b"-1", b"Mon, 99 Foo 0000", b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"a=b; a=c; =; ;", b"null", b'"', b'"v1', b'W/"v1"',
    b"v1", b'"v1", "v2"', b'"\\"', b"W/*", b"*, *", b'"' + b"a" * 600 + b'"', b"\xff\xfe", b"\xe2\x80\xae",
    b"\x80", b"\t", b"%00", b"() { :;}; id", b"gzip;q=0, identity;q=0", b"a" * 9_000,
)  # fmt: skip
HOSTS = (
    b"", b" ", b"stockroom.test:99999", b"stockroom.test:", b":80", b"a@b", b"[::1", b"[::1]:80",
    b"127.0.0.1", b"..", b"evil.example/path", b"evil.example?x", b"a,b", b"\xff", b"%00", b"a" * 300,
    b"a" * 30_000, b"localhost#",
)  # fmt: skip
AUTHORIZATIONS = (
    b"", b" ", b"Bearer", b"Bearer ", b"bearer x", b"BEARER  x", b"Bearer x y", b"Bearer\tx", b"Basic",
    b"Basic Og==", b"Basic YWRtaW46YWRtaW4=", b"Basic \xff", b'Digest username="a"', b"Negotiate",
    b"Token x", b"x", b"Bearer x,y", b"Bearer null", b"Bearer undefined", b"Bearer a.b.c", b"Bearer ..",
    b"Bearer " + b"a" * 5_000, b"Bearer \xff", b"Bearer " + b"." * 20_000, b"Bearer a.b." + b"c" * 43,
    b"Bearer %00", b"Bearer \x80\x81",
)  # fmt: skip


def said(rng: Random, plain: Plain, id: str) -> Attack:
    value = rng.choice(SAID)
    if rng.random() < 0.3:
        value = _line(rng.choice([*STRINGS, *NUMBERS]))
    return one("header", plain.having((rng.choice(OBEYED), value)), id)


def several(rng: Random, plain: Plain, id: str) -> Attack:
    found = tuple((rng.choice(OBEYED), rng.choice(SAID)) for _ in range(rng.randrange(2, 9)))
    return one("several headers", replace(plain, headers=(*plain.headers, *found)), id)


def many(rng: Random, plain: Plain, id: str) -> Attack:
    """Up to, at and beyond what the guard takes (32 KiB) and what the server does (64 KiB)."""
    sets: tuple[tuple[Header, ...], ...] = (
        tuple((b"X-%d" % number, b"") for number in range(rng.choice((100, 1_000, 4_000, 20_000)))),
        ((b"X-A", b"a" * rng.choice((8_190, 16_384, 32_000, 40_000, 66_000, 200_000))),),
        ((b"X-" + b"a" * rng.choice((300, 40_000, 70_000)), b"a"),),
        tuple((b"Accept", b"*/*") for _ in range(500)),
        tuple((b"Cookie", b"a=%d" % number) for number in range(2_000)),
    )
    return one("many headers", plain.having(*rng.choice(sets)), id)


def host(rng: Random, plain: Plain, id: str) -> Attack:
    attack = one("host", plain, id)
    sound, chosen = b"Host: stockroom.test\r\n", rng.choice(HOSTS)
    lines = rng.choice(
        (b"", b"Host: %b\r\n" % chosen, sound + b"Host: %b\r\n" % chosen, b"HOST:stockroom.test\r\n")
    )
    return replace(attack, pieces=(attack.pieces[0].replace(sound, lines, 1),))


def authorization(rng: Random, plain: Plain, id: str) -> Attack:
    found = ((b"Authorization", rng.choice(AUTHORIZATIONS)),)
    if rng.random() < 0.2:
        return one("authorization twice", replace(plain, headers=(*plain.headers, *found)), id)
    return one("authorization", plain.having(*found), id)


def expectation(rng: Random, plain: Plain, id: str) -> Attack:
    value = rng.choice(
        (b"100-continue", b"100-Continue", b"200-ok", b"", b"100-continue, 100-continue", b"\xff")
    )
    return one("expectation", plain.having((b"Expect", value)), id)


def connection(rng: Random, plain: Plain, id: str) -> Attack:
    value = rng.choice(
        (
            b"close",
            b"Close",
            b"keep-alive",
            b"close, keep-alive",
            b"X-Request-Id",
            b"Host",
            b"Authorization",
            b"",
            b",,",
        )
    )
    return one("connection", plain.having((b"Connection", value)), id)


FAMILIES: tuple[Family, ...] = (said, several, many, host, authorization, expectation, connection)


def _line(text: str) -> bytes:
    """`text` as far as a header may hold it."""
    return b"".join(bytes([byte]) for byte in text.encode()[:9_000] if byte not in b"\0\r\n" and byte != 0x7F)
