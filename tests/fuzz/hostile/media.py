"""Attacks on what a body is said to be: its media type, its charset, its encoding."""

import gzip
import zlib
from dataclasses import replace
from random import Random
from urllib.parse import quote_from_bytes

from tests.fuzz.hostile.attacks import Attack, Family, Header, Plain, one
from tests.fuzz.hostile.values import BROKEN_UTF8, STRINGS

TYPES = (
    b"", b" ", b";", b"/", b"json", b"text/plain", b"text/html", b"application/xml",
    b"application/octet-stream", b"*/*", b"application/json, text/html", b"application/json;;;",
    b"application/json; charset", b"a" * 5_000, b"application/json; charset=",
    b'application/json; charset="', b"application/json; charset=UTF-8", b"APPLICATION/JSON",
    b"Application/Json; Charset=utf-8", b"application/json\t; charset=utf-8",
    b"application/json; charset=utf-16", b"application/json; charset=utf-7",
    b"application/json; charset=idna", b"application/json; charset=rot13",
    b"application/json; charset=zlib", b"application/json; charset=unknown",
    b"application/json; charset=unicode_escape", b"application/json; charset=" + b"x" * 300,
    b"application/json; charset=\xff", b"application/json; charset=utf-8; charset=latin-1",
    b"multipart/form-data", b"multipart/form-data; boundary=", b'multipart/form-data; boundary="',
    b"multipart/mixed", b"application/x-www-form-urlencoded",
    b"application/x-www-form-urlencoded; charset=utf-16", b"application/problem+json",
    b"application/merge-patch+json", b"application/vnd.x+json", b"text/json", b"text/csv",
    b"text/csv; charset=utf-16", b"text/csv; charset=undefined", b"text/csv; header=absent",
)  # fmt: skip

# Ten megabytes, once they are unpacked.
BOMB = gzip.compress(bytes(10_000_000))
BOMB_OF_BOMBS = gzip.compress(BOMB)
DEFLATED_BOMB = zlib.compress(bytes(10_000_000))


def content_type(rng: Random, plain: Plain, id: str) -> Attack:
    kept = plain.without(b"Content-Type")
    chosen = rng.random()
    if chosen < 0.1:
        return one("no content type", kept, id)
    if chosen < 0.2:
        twice = ((b"Content-Type", rng.choice(TYPES)), (b"content-type", (plain.media or "x/y").encode()))
        return one("content type twice", kept.having(*twice), id)
    return one("content type", kept.having((b"Content-Type", rng.choice(TYPES))), id)


def content_encoding(rng: Random, plain: Plain, id: str) -> Attack:
    encodings: tuple[tuple[bytes, bytes], ...] = (
        (b"gzip", gzip.compress(plain.body)),
        (b"gzip", BOMB),
        (b"deflate", DEFLATED_BOMB),
        (b"gzip, gzip", BOMB_OF_BOMBS),
        (b"gzip", plain.body),
        (b"br", plain.body),
        (b"zstd", b"\x28\xb5\x2f\xfd"),
        (b"identity", plain.body),
        (b"IDENTITY", plain.body),
        (b"", plain.body),
        (b"identity, identity", plain.body),
        (b"x" * 1_000, plain.body),
    )
    encoding, body = rng.choice(encodings)
    header: Header = (b"Content-Encoding", encoding)
    return one("content encoding", replace(plain.having(header), body=body), id)


def form(rng: Random, plain: Plain, id: str) -> Attack:
    """The body as a form, if the operation takes one or not."""
    value = quote_from_bytes(rng.choice([*BROKEN_UTF8, *(text.encode() for text in STRINGS)])).encode()
    bodies = (
        b"username=" + value + b"&password=" + value,
        b"username=a&username=b&password=c",
        b"username=%zz&password=%",
        b"username=%00&password=%ff",
        b"&&&=&=&==&",
        b"username&password",
        b"username[]=a&username[a]=b&password=" + b"x" * 100_000,
        b"a=1&" * 50_000,
        b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nada\r\n--x--\r\n',
        b"",
    )
    header: Header = (b"Content-Type", b"application/x-www-form-urlencoded")
    return one("form", replace(plain.having(header), body=rng.choice(bodies)), id)


FAMILIES: tuple[Family, ...] = (content_type, content_encoding, form)
