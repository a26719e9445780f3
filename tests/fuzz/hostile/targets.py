"""Attacks in the request target: the path, the query, and the form of the whole."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from random import Random
from urllib.parse import quote_from_bytes

import orjson

from tests.fuzz.hostile.attacks import Attack, Family, Plain, one
from tests.fuzz.hostile.values import BROKEN_UTF8, IDS, NUMBERS, STRINGS

ODD = (
    b"//", b"/%2f", b"/%2F", b"/./", b"/../", b"/%2e/", b"/%2e%2e/", b"/.%2E/", b"/;/", b"/..;/", b"\\",
    b"/%5c", b"/%00", b"/%0a", b"/%0d%0a", b"/%09", b"/%20", b"/%7f", b"/%", b"/%z", b"/%zz", b"/%u0041",
    b"/%ff", b"/%c0%af", b"/%ed%a0%80", b"/%F0%28%8C%28", b"/%25%32%66", b"/%EF%BC%8F", b"/~", b"/*",
    b"/?/", b"/#/", b"/@", b"/:",
)  # fmt: skip
ENDS = (
    b"/",
    b"//",
    b"/.",
    b"/..",
    b".json",
    b";v=1",
    b"%00",
    b"%0a",
    b"%0A",
    b"%20",
    b"%2f",
    b"#x",
    b"?",
    b"??",
    b"&a=b",
)


def path(rng: Random, plain: Plain, id: str) -> Attack:
    sound, query = plain.path, plain.target[len(plain.path) :]
    changes: tuple[Callable[[], bytes], ...] = (
        lambda: sound.replace(b"/", rng.choice(ODD), 1),
        lambda: sound + rng.choice(ENDS),
        lambda: rng.choice(ODD).join(sound.rsplit(b"/", 1)),
        sound.upper,
        lambda: b"/" + b"".join(b"%%%02x" % byte for byte in sound[1:]),
        lambda: sound + b"/" + b"a" * rng.choice((1_000, 8_191, 8_192, 20_000, 60_000)),
        lambda: sound + b"/a" * rng.choice((10, 4_000)),
        lambda: sound + b"%41" * 2_700,
    )
    return _target("path", plain, id, rng.choice(changes)() + query)


def path_value(rng: Random, plain: Plain, id: str) -> Attack:
    """Something else in the place of the path's last value, or of its last word."""
    value = rng.choice([*IDS, *STRINGS]).encode()
    if rng.random() < 0.2:
        value = rng.choice(BROKEN_UTF8)
    before, _, after = plain.path.rpartition(b"/")
    if b"{" in plain.operation.path.encode().rpartition(b"/")[0] and rng.random() < 0.7:
        before, _, word = before.rpartition(b"/")
        after = word and after
        return _target("path value", plain, id, before + b"/" + _quoted(value[:3_000]) + b"/" + after)
    return _target("path value", plain, id, before + b"/" + _quoted(value[:3_000]))


def query_value(rng: Random, plain: Plain, id: str) -> Attack:
    names = [p.name for p in plain.operation.parameters if p.where == "query"] or ["page"]
    value = rng.choice([*STRINGS, *NUMBERS, *IDS]).encode()[: rng.choice((200, 10_000))]
    if rng.random() < 0.2:
        value = rng.choice(BROKEN_UTF8)
    return _query("query value", plain, id, rng.choice(names).encode() + b"=" + _quoted(value))


def query_form(rng: Random, plain: Plain, id: str) -> Attack:
    name = rng.choice([p.name for p in plain.operation.parameters if p.where == "query"] or ["page"]).encode()
    forms = (
        name + b"=1&" + name + b"=1", name + b"[]=1", name + b"[a][b]=1", name + b"[$ne]=1",
        name + b"%5B%5D=1", name.upper() + b"=1", name + b"%00=1", b"%00" + name + b"=1", name, name + b"=",
        b"=", b"==", b"&", b"&" * 1_000, b"%", b"%z", b"%zz=1", b"a=%", b"a=%f", b"%ff=1", b"a=%ff",
        b"a=%00", b"a=%0a", b"+=+", b";" + name + b"=1", b"__proto__=1", b"constructor[prototype][a]=1",
        b"unheard-of=1", b"a=1&" * 2_000, b"a=" + b"b" * 8_000, b"a=" + b"b" * 60_000,
        name + b"=1;" + name + b"=2", b"?" + name + b"=1", b"a=b#c", b"a=b?c=d", b"a=\xff",
        b"a=<>\"'`{}|\\^", b"\xc3\xa9=1",
    )  # fmt: skip
    return _query("query form", plain, id, rng.choice(forms))


def cursor(rng: Random, plain: Plain, id: str) -> Attack:
    """Cursors that no list has made."""
    orders = ("items.sku", "-movements.id", "items.name,items.sku", "-tasks.created_at,-tasks.id", "")
    keys = (None, True, 0, -1, 2**31, 2**63 - 1, 2**63, 1e308, "a", "\0", "a" * 900, [], {}, [[]])
    contents: tuple[Callable[[], bytes], ...] = (
        lambda: _dumped([rng.choice(orders), *rng.choices(keys, k=rng.randrange(4))]),
        lambda: _dumped({"order": "items.sku"}),
        lambda: _dumped(rng.choice(keys)),
        lambda: b"[" * 1_000,
        lambda: b'["items.sku","\\ud800"]',
        lambda: b'["items.sku",1' + b"0" * 500 + b"]",
        lambda: rng.randbytes(rng.randrange(60)),
    )
    text = urlsafe_b64encode(rng.choice(contents)()).rstrip(b"=") or b"-"
    return _query("cursor", plain, id, b"cursor=" + text)


def form_of_target(rng: Random, plain: Plain, id: str) -> Attack:
    """Absolute-form, asterisk-form, authority-form (RFC 9112, 3.2), and what is none of them."""
    sound = plain.target
    targets = (
        b"http://stockroom.test" + sound, b"http://evil.example:81" + sound,
        b"https://evil.example" + sound, b"HTTP://a:b@evil.example" + sound, b"http://[::1]" + sound,
        b"http://" + sound, b"http:" + sound, b"ftp://evil.example" + sound, b"file://" + sound,
        b"javascript:alert(1)", b"//evil.example" + sound, b"http://evil.example",
        b"http://evil.example?" + sound, b"*", b"**", b"stockroom.test:80", b":80", b".", sound[1:],
        b"?" + sound, b"#" + sound, sound + b"#" + sound, b"\\" + sound, b"%2f" + sound[1:],
        b"http://\xff/",
    )  # fmt: skip
    return _target("form of target", plain, id, rng.choice([target for target in targets if target]))


FAMILIES: tuple[Family, ...] = (path, path_value, query_value, query_form, cursor, form_of_target)


def _target(family: str, plain: Plain, id: str, target: bytes) -> Attack:
    return one(family, replace(plain, target=target), id)


def _query(family: str, plain: Plain, id: str, query: bytes) -> Attack:
    return _target(family, plain, id, plain.target + (b"&" if b"?" in plain.target else b"?") + query)


def _quoted(value: bytes) -> bytes:
    return quote_from_bytes(value, safe="").encode()


def _dumped(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        return b"[9223372036854775808]"
