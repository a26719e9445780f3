"""Attacks in what is sent when: several requests at once, one in many pieces, half of one."""

from random import Random

from tests.fuzz.hostile.attacks import Asked, Attack, Family, Plain, asked, head, identified, written
from tests.fuzz.hostile.targets import ENDS

LIVE = b"GET /health/live HTTP/1.1\r\nHost: stockroom.test\r\nX-Request-Id: %b\r\n\r\n"


def pipeline(rng: Random, plain: Plain, id: str) -> Attack:
    """Sound requests before and after one that is refused, all at once: each gets its own answer."""
    odd = b"GET %b HTTP/1.1\r\nHost: stockroom.test\r\nX-Request-Id: %b\r\n\r\n"
    target = plain.path + rng.choice(ENDS)
    raw = [_live(f"{id}.0"), written(plain, f"{id}.1"), odd % (target, f"{id}.2".encode()), _live(f"{id}.3")]
    found = (
        _asked_live(f"{id}.0"),
        asked(plain, f"{id}.1"),
        asked(plain, f"{id}.2", method=b"GET", target=target),
        _asked_live(f"{id}.3"),
    )
    return Attack("pipeline", (b"".join(raw),), found)


def pipeline_to_nowhere(rng: Random, plain: Plain, id: str) -> Attack:
    """A sound request with garbage behind it: the request is answered as if nothing were."""
    garbage = rng.choice(
        (b"\0" * 20, b"FROB / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01", b"}}}}\r\n\r\n")
    )
    return Attack("pipeline to nowhere", (written(plain, id) + garbage,), (asked(plain, id),))


def long_pipeline(rng: Random, plain: Plain, id: str) -> Attack:
    ids = [f"{id}.{number}" for number in range(rng.randrange(5, 40))]
    return Attack("long pipeline", (b"".join(map(_live, ids)),), tuple(map(_asked_live, ids)))


def upgrade(rng: Random, plain: Plain, id: str) -> Attack:
    """An upgrade that nobody here takes part in, with a request behind it."""
    protocols = (b"websocket", b"h2c", b"HTTP/2.0", b"TLS/1.0", b"x", b"", b"websocket, h2c")
    headers = (
        (b"Connection", rng.choice((b"Upgrade", b"upgrade, HTTP2-Settings"))),
        (b"Upgrade", rng.choice(protocols)),
    )
    raw = written(plain.having(*headers), f"{id}.0") + _live(f"{id}.1")
    return Attack("upgrade", (raw,), (asked(plain, f"{id}.0"), _asked_live(f"{id}.1")))


def in_pieces(rng: Random, plain: Plain, id: str) -> Attack:
    raw = written(plain, id)
    cuts = sorted(rng.randrange(len(raw)) for _ in range(rng.choice((1, 3, 10))))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    return Attack("in pieces", tuple(piece for piece in pieces if piece), (asked(plain, id),))


def byte_by_byte(rng: Random, plain: Plain, id: str) -> Attack:
    raw = written(plain, id)[:2_000]
    whole = len(written(plain, id)) <= len(raw)
    return Attack("byte by byte", tuple(bytes([b]) for b in raw), (asked(plain, id),), finished=whole)


def half(rng: Random, plain: Plain, id: str) -> Attack:
    """The client stops within its request, and says that it sends no more."""
    raw = written(plain, id)
    return Attack("half", (raw[: rng.randrange(1, len(raw))],), (asked(plain, id),), finished=False)


def promised(rng: Random, plain: Plain, id: str) -> Attack:
    """A body that is announced to be larger than any operation takes, and never comes."""
    length = rng.choice((1_048_577, 104_857_601, 10**17))
    headers = (*identified(plain, id), (b"Content-Length", b"%d" % length))
    raw = head(plain.method, plain.target, headers) + plain.body
    return Attack("promised", (raw,), (asked(plain, id),), finished=False)


FAMILIES: tuple[Family, ...] = (
    pipeline,
    pipeline_to_nowhere,
    long_pipeline,
    upgrade,
    in_pieces,
    byte_by_byte,
    half,
    promised,
)


def _live(id: str) -> bytes:
    return LIVE % id.encode()


def _asked_live(id: str) -> Asked:
    return Asked(id, "GET", "/health/live")
